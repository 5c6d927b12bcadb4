package look

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/shmq/shmq/internal/cli/exit"
	"github.com/shmq/shmq/internal/cli/flags"
	"github.com/shmq/shmq/internal/web"
)

const webLong = `Show queues in a browser, live: rates, depth over the last minutes, participants,
warnings in words, and a map of processes and queues. All queues, or those NAMEs. The
command only looks: it takes no seat, participants do not notice, and while no page is
open it does not even look.

The page is for this machine: every user of it can open it, unless there is a token. An
address that other machines reach wants one. From elsewhere, come through
ssh -L 9465:127.0.0.1:9465 HOST. There is no encryption but what ssh or a proxy adds.`

const webExample = `  shmq web
  shmq web orders refunds --listen 127.0.0.1:0
  shmq web --listen :9465 --token auto`

// tokenEnv has the token where the arguments of processes are no secret.
const tokenEnv = "SHMQ_WEB_TOKEN"

// Web returns the verb that shows queues in a browser.
func Web() *cobra.Command {
	o := web.Options{Reason: exit.Reason}
	listen, token := listenAddress("127.0.0.1:9465"), webToken("")
	var hosts hostNames
	every := flags.Interval{Duration: flags.Duration(time.Second)}
	cmd := &cobra.Command{
		Use:               "web [NAME...]",
		Short:             "show queues in a browser, live",
		Long:              webLong,
		Example:           webExample,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: flags.CompleteNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Names, o.Interval = args, every.Value()
			if o.Interval < minInterval {
				return exit.BadFlag("interval", o.Interval, "want 50ms or more")
			}
			if given := os.Getenv(tokenEnv); token == "" && given != "" {
				if err := token.Set(given); err != nil {
					return exit.Usage("%s: %v", tokenEnv, err)
				}
			}
			o.Token, o.Hosts = string(token), hosts
			return serve(cmd.Context(), string(listen), &o)
		},
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.Var(&listen, "listen", "`address` to listen on; port 0 is any free one")
	set.Var(&token, "token", "show nothing without this `token`, of 16 characters or more; auto makes one up; "+tokenEnv+" in the environment does the same and is not seen by others")
	set.Var(&hosts, "host", "another `name` that the server goes by, behind a proxy; addresses and localhost are known")
	set.Var(&every, "interval", "time between two looks, 50ms or more")
	return cmd
}

func serve(ctx context.Context, listen string, o *web.Options) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listen: %w; choose another address with --listen", err)
	}
	if o.Token == "" && !web.Loopback(l.Addr()) {
		_ = l.Close()
		return exit.Usage("--listen %s: %v", listen, web.ErrOpen)
	}
	at := url.URL{Scheme: "http", Host: l.Addr().String(), Path: "/"}
	if o.Token != "" {
		at.RawQuery = url.Values{"token": {o.Token}}.Encode()
	}
	fmt.Fprintln(os.Stderr, "shmq web: "+at.String())
	err = web.Serve(ctx, l, o)
	if errors.Is(err, net.ErrClosed) {
		return exit.Ended(ctx, err)
	}
	return err
}
