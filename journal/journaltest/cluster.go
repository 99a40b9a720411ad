// Package journaltest runs NATS servers for tests: real ones, each a process of its own, with JetStream and a folder,
// which sync always and can be killed, stood still and started again; as a cluster of several, or as servers of several
// sites below one hub. It also makes disks that can lose their power.
//
// A server is the test's own binary: its TestMain calls [Main] first. What is tested lives elsewhere; this package
// knows neither journals nor calls.
package journaltest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// startTime is how long a server may take to come up.
const startTime = 30 * time.Second

// Cluster is a number of servers that know each other. Its methods are for the goroutine of the test.
type Cluster struct {
	t       testing.TB
	Servers []*Server
}

// Start starts a cluster of n servers, and waits until it has a leader. It ends with the test.
func Start(t testing.TB, n int) *Cluster {
	t.Helper()
	c := newCluster(t, n)
	c.start()
	return c
}

// StartWithSmallDisk starts a cluster whose last server has a small disk for [Server.FillDisk], which is gone with the
// server. Where the machine does not let users mount, it has an ordinary one, whose files can be kept from growing.
func StartWithSmallDisk(t testing.TB, n int) *Cluster {
	t.Helper()
	c := newCluster(t, n)
	if err := mayMount(); err != nil {
		t.Logf("no disk of its own (%v): its files are kept from growing instead", err)
	} else {
		c.Servers[n-1].disk = true
	}
	c.start()
	return c
}

// mayMount tries whether a process may have a disk of its own.
func mayMount() error {
	cmd := exec.Command("mount", "-t", "tmpfs", "talkbridge", os.TempDir()) //nolint:gosec,noctx // at once, and seen by it alone
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	return cmd.Run()
}

func newCluster(t testing.TB, n int) *Cluster {
	t.Helper()
	dir, addresses := t.TempDir(), freeAddresses(t, 2*n)
	clients, routes := addresses[:n], addresses[n:]
	c := &Cluster{t: t}
	for i := range n {
		c.Servers = append(c.Servers, newServer(t, dir, fmt.Sprintf("n%d", i+1), clients[i], func(store string) string {
			return fmt.Sprintf(`jetstream { store_dir: %q, sync_interval: always }
cluster { name: talkbridge, no_advertise: true, listen: %q, routes: ["nats://%s"] }
`, store, routes[i], strings.Join(routes, `", "nats://`))
		}))
	}
	return c
}

func (c *Cluster) start() {
	c.t.Helper()
	for _, s := range c.Servers {
		s.Start()
	}
	await(c.t, c.URL(), func(conn *nats.Conn) bool {
		js, err := conn.JetStream()
		if err != nil {
			return false
		}
		_, err = js.AccountInfo()
		return err == nil
	})
}

// URL is where the servers are, for a client.
func (c *Cluster) URL() string {
	var urls []string
	for _, s := range c.Servers {
		urls = append(urls, s.URL())
	}
	return strings.Join(urls, ",")
}

// Addresses are the host and port of each server.
func (c *Cluster) Addresses() []string {
	var addresses []string
	for _, s := range c.Servers {
		addresses = append(addresses, s.address)
	}
	return addresses
}

// Leader is the server that leads a stream now.
func (c *Cluster) Leader(stream string) *Server {
	c.t.Helper()
	var leader *Server
	await(c.t, c.URL(), func(conn *nats.Conn) bool {
		js, err := conn.JetStream()
		if err != nil {
			return false
		}
		info, err := js.StreamInfo(stream)
		if err != nil || info.Cluster == nil {
			return false
		}
		for _, s := range c.Servers {
			if s.name == info.Cluster.Leader {
				leader = s
			}
		}
		return leader != nil
	})
	return leader
}

// Sites is a server for each of several sites, as leaf nodes of a hub. Each has a JetStream domain of its own: that of
// the i-th site is "site" and i, from 1, that of the hub "hub".
type Sites struct {
	Hub   *Server
	Sites []*Server
}

// StartSites starts n sites and their hub.
func StartSites(t testing.TB, n int) *Sites {
	t.Helper()
	dir, addresses := t.TempDir(), freeAddresses(t, n+2)
	clients, leaves := addresses[:n+1], addresses[n+1]
	s := &Sites{Hub: newServer(t, dir, "hub", clients[n], func(store string) string {
		return fmt.Sprintf("jetstream { store_dir: %q, sync_interval: always, domain: hub }\nleafnodes { listen: %q }\n", store, leaves)
	})}
	s.Hub.Start()
	for i := range n {
		name := fmt.Sprintf("site%d", i+1)
		site := newServer(t, dir, name, clients[i], func(store string) string {
			return fmt.Sprintf("jetstream { store_dir: %q, sync_interval: always, domain: %s }\nleafnodes { reconnect: 1, remotes: [{url: \"nats-leaf://%s\"}] }\n",
				store, name, leaves)
		})
		site.Start()
		s.Sites = append(s.Sites, site)
	}
	return s
}

// await asks servers until the answer is good.
func await(t testing.TB, url string, good func(*nats.Conn) bool) {
	t.Helper()
	deadline := time.NewTimer(startTime)
	defer deadline.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := nats.Connect(url, nats.Timeout(time.Second))
		if err == nil {
			ok := good(conn)
			conn.Close()
			if ok {
				return
			}
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s did not come up: %v", url, err)
		}
	}
}
