package sys

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// HugePool is the state of the kernel's pool of huge pages of a size.
type HugePool struct{ Total, Free int64 }

// HugePoolOf reads the pool of pages of size bytes. Free are those that no process has or
// has reserved.
func HugePoolOf(size int64) (p HugePool, err error) {
	dir := fmt.Sprintf("/sys/kernel/mm/hugepages/hugepages-%dkB/", size>>10)
	read := func(name string) (n int64) {
		var b []byte
		if err == nil {
			b, err = os.ReadFile(dir + name)
		}
		if err == nil {
			n, err = strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
		}
		return n
	}
	p.Total = read("nr_hugepages")
	p.Free = read("free_hugepages") - read("resv_hugepages")
	return p, err
}
