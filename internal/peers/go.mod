module github.com/shmq/shmq/internal/peers

go 1.25.0

require (
	github.com/cloudwego/shmipc-go v0.2.0
	github.com/shmq/shmq v0.0.0
	github.com/stretchr/testify v1.12.1
	golang.org/x/sys v0.40.0
)

require (
	github.com/bytedance/gopkg v0.0.0-20220817015305-b879a72dc90f // indirect
	github.com/go-ole/go-ole v1.2.6 // indirect
	github.com/power-devops/perfstat v0.0.0-20210106213030-5aafc221ea8c // indirect
	github.com/shirou/gopsutil/v3 v3.22.1 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.1 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	github.com/yusufpapurcu/wmi v1.2.2 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/shmq/shmq => ../..
