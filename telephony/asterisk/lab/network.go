package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// The addresses in a network, by their last number.
const (
	pbxHost     = 1
	carrierHost = 2
	firstPhone  = 10 // the telephone 1000
	firstCaller = 128
	spareHost   = 253
	claimHost   = 254

	maxPhones  = firstCaller - firstPhone
	maxCallers = spareHost - firstCaller
)

// claimPort is held for as long as a network is in use.
const claimPort = 4573

// claimTries bounds the search for a network that nobody uses.
const claimTries = 100

// network is a /24 of loopback addresses that is this process's own for as long
// as claim is open: whoever else wants it cannot listen there.
type network struct {
	second, third int
	claim         net.Listener
}

var errNoNetwork = errors.New("no loopback network is free")

func claimNetwork() (*network, error) {
	var last error
	for range claimTries {
		n := &network{second: 64 + rand.IntN(64), third: rand.IntN(256)}                    //nolint:gosec // any free one will do
		claim, err := net.Listen("tcp", fmt.Sprintf("%s:%d", n.Host(claimHost), claimPort)) //nolint:noctx // returns at once
		if err == nil {
			n.claim = claim
			return n, nil
		}
		last = err
	}
	return nil, fmt.Errorf("%w: %w", errNoNetwork, last)
}

// Host is an address of the network. The templates use it too.
func (n *network) Host(last int) string { return fmt.Sprintf("127.%d.%d.%d", n.second, n.third, last) }

func (n *network) release() error { return n.claim.Close() }
