package command

import "github.com/spf13/cobra"

func pullVerb() *cobra.Command { return &cobra.Command{Use: "pull", Hidden: true} }
