package bench

// connPeers are what connections are compared with.
var connPeers = []struct{ link, name, what string }{
	{linkGoUnix, "unix", "a net.UnixConn"},
	{linkGoTCP, "tcp", "a net.TCPConn over the loopback"},
	{linkGoPipe, "pipe", "two pipes, as os.File"},
}

// conns are connections of package conn, beside what Go programs use in their place.
func conns() (cs []Case) {
	for _, kind := range []Kind{RoundTrip, Throughput} {
		family := "conn/round-trip/"
		if kind == Throughput {
			family = "conn/throughput/"
		}
		for _, size := range []struct {
			name  string
			bytes int
		}{{"64B", 64}, {"1KiB", 1 << 10}, {"64KiB", 64 << 10}} {
			c := Case{Name: family + size.name, What: "a connection of package conn", Kind: kind, Link: linkConn, Payload: size.bytes, Producers: 1, Consumers: 1}
			cs = append(cs, c)
			if kind == RoundTrip {
				c.Name, c.What, c.Park = c.Name+"/parked", "the same, both ends asleep each time", true
				cs = append(cs, c)
			}
			for _, p := range connPeers {
				cs = append(cs, Case{Name: family + size.name + "/" + p.name, What: p.what, Kind: kind, Link: p.link, Payload: size.bytes, Producers: 1, Consumers: 1})
			}
		}
	}
	for _, p := range []struct{ link, name, what string }{
		{linkConn, "conn/http", "a request of net/http over package conn"},
		{linkGoUnix, "conn/http/unix", "over a Unix socket"},
		{linkGoTCP, "conn/http/tcp", "over TCP"},
	} {
		cs = append(cs, Case{Name: p.name, What: p.what, Kind: RoundTrip, Link: p.link, HTTP: true, Payload: 1 << 10, Producers: 1, Consumers: 1})
	}
	return cs
}
