package lab

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Call is a call as the PBX began it. A consultation that is joined to another
// call later is a Call of its own.
type Call struct {
	// Linkedid is Asterisk's name for it.
	Linkedid string
	// Endpoint is whose channel began it, "1001" or "trunk"; empty where a caller's forged events hide it.
	Endpoint string
	// Dialled is what that channel dialled: "+15550101001", "1002", "s" for a call that was originated.
	Dialled string
}

// talk is a moment in which a party was joined with another.
type talk struct {
	endpoint string
	at       time.Time // by the PBX's clock
}

// witness keeps what the PBX says about its calls.
type witness struct {
	mu      sync.Mutex
	calls   map[string]*Call // by Linkedid
	order   []string
	bridges map[string]map[string]bool // the channels in a bridge
	talks   []talk
	live    map[string]string // channel names by Uniqueid
}

func newWitness() *witness {
	return &witness{calls: make(map[string]*Call), bridges: make(map[string]map[string]bool), live: make(map[string]string)}
}

// hear takes an event. A caller can forge events, and with them tear the genuine
// ones of his own channel in two: the half that names the channel has no Uniqueid
// then, and the other half no Channel.
func (w *witness) hear(m message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id, linked, channel := m["Uniqueid"], m["Linkedid"], m["Channel"]
	if id == "" || linked == "" {
		return
	}
	if id == linked && w.calls[linked] == nil && m["Exten"] != "" {
		w.calls[linked] = &Call{Linkedid: linked, Endpoint: endpointOf(channel), Dialled: m["Exten"]}
		w.order = append(w.order, linked)
	}
	if channel == "" {
		return
	}
	switch m["Event"] {
	case "Newchannel":
		w.live[id] = channel
	case "Hangup":
		delete(w.live, id)
	case "BridgeEnter":
		w.entered(m["BridgeUniqueid"], channel, epoch(m["Timestamp"]))
	case "BridgeLeave":
		delete(w.bridges[m["BridgeUniqueid"]], channel)
	}
}

// entered notes who talks from now on.
func (w *witness) entered(bridge, channel string, at time.Time) {
	if w.bridges[bridge] == nil {
		w.bridges[bridge] = make(map[string]bool)
	}
	w.bridges[bridge][channel] = true
	var parties []string
	for member := range w.joined(bridge) {
		if !strings.HasPrefix(member, "Local/") {
			parties = append(parties, endpointOf(member))
		}
	}
	if len(parties) < 2 {
		return
	}
	for _, endpoint := range parties {
		w.talks = append(w.talks, talk{endpoint, at})
	}
}

// joined are the channels that hear each other: those in a bridge, and in the
// bridges that a pair of Local channels (;1 and ;2) ties to it.
func (w *witness) joined(bridge string) map[string]bool {
	heard := make(map[string]bool)
	seen := map[string]bool{bridge: true}
	for todo := []string{bridge}; len(todo) > 0; todo = todo[1:] {
		for member := range w.bridges[todo[0]] {
			heard[member] = true
			half, found := strings.CutPrefix(member, "Local/")
			if !found {
				continue
			}
			stem := strings.TrimRight(half, "12")
			for other, members := range w.bridges {
				if !seen[other] && (members["Local/"+stem+"1"] || members["Local/"+stem+"2"]) {
					seen[other] = true
					todo = append(todo, other)
				}
			}
		}
	}
	return heard
}

// forget is for a PBX that ended: nothing is live any more.
func (w *witness) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.bridges)
	clear(w.live)
}

// Calls returns all calls that the PBX had so far, in the order in which they
// began.
func (p *PBX) Calls() []Call {
	p.witness.mu.Lock()
	defer p.witness.mu.Unlock()
	calls := make([]Call, 0, len(p.witness.order))
	for _, id := range p.witness.order {
		calls = append(calls, *p.witness.calls[id])
	}
	return calls
}

// Talks returns when an endpoint was joined with somebody, or somebody with it,
// by the PBX's clock and in order. A transfer gives several.
func (p *PBX) Talks(endpoint string) []time.Time {
	p.witness.mu.Lock()
	defer p.witness.mu.Unlock()
	var at []time.Time
	for _, t := range p.witness.talks {
		if t.endpoint == endpoint {
			at = append(at, t.at)
		}
	}
	return at
}

// channel is the name of a live channel of the endpoint, empty if there is none.
func (w *witness) channel(endpoint string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(w.live)) {
		if endpointOf(w.live[id]) == endpoint {
			return w.live[id]
		}
	}
	return ""
}

// endpointOf is whose channel it is: PJSIP/1001-0000002a is of 1001.
func endpointOf(channel string) string {
	name, found := strings.CutPrefix(channel, "PJSIP/")
	if !found {
		return channel
	}
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		return name[:i]
	}
	return name
}

// epoch reads seconds since 1970 with microseconds, zero if it is none.
func epoch(text string) time.Time {
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return time.Time{}
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)).Round(time.Microsecond)
}
