package screenpop

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/talkbridge/talkbridge/telephony"
)

// Directory says who answers on which phone. It is safe for concurrent use:
// readers see one immutable snapshot, Reload and Resolve put a new one in its
// place. See NewDirectory.
type Directory struct {
	writing sync.Mutex // held by who replaces the snapshot, never while waiting
	current atomic.Pointer[snapshot]
}

// snapshot is the directory at one moment. It is never changed.
type snapshot struct {
	agents  []Agent
	country string
	// exact has every name as configured and every telephone number as E.164.
	exact map[string]int
	// byExtension has the extensions of configured channels, where only one
	// agent has it, or ambiguous.
	byExtension map[string]int
}

const ambiguous = -1

// NewDirectory makes a directory of the configured agents. defaultCountry is
// how telephone numbers without a leading "+" are read, an ISO 3166 code; with
// "" only international ones are. The error names all that is wrong, each with
// its place and remedy: missing names, identities or numbers, and numbers that
// two agents claim.
func NewDirectory(entries []Agent, defaultCountry string) (*Directory, error) {
	s, err := newSnapshot(entries, defaultCountry)
	if err != nil {
		return nil, err
	}
	d := &Directory{}
	d.current.Store(s)
	return d, nil
}

// Reload replaces the agents. Those whose identity stayed the same stay
// resolved. On an error the directory remains as it was.
func (d *Directory) Reload(entries []Agent, defaultCountry string) error {
	s, err := newSnapshot(entries, defaultCountry)
	if err != nil {
		return err
	}
	d.writing.Lock()
	defer d.writing.Unlock()
	known := make(map[string]Agent)
	for _, a := range d.current.Load().agents {
		if a.verified {
			known[a.identity()] = a
		}
	}
	for i, a := range s.agents {
		if k, ok := known[a.identity()]; ok {
			s.agents[i].ZendeskID, s.agents[i].verified = k.ZendeskID, true
		}
	}
	d.current.Store(s)
	return nil
}

// Agents returns all agents in the order of the configuration.
func (d *Directory) Agents() []Agent { return slices.Clone(d.current.Load().agents) }

// Lookup finds the agent who answers on endpoint: a channel's name
// ("PJSIP/1001"), an extension ("1001"), a client's name, or a telephone number
// in any writing. The exact name wins over the extension, the extension over
// the telephone number; an extension that two agents have in different
// technologies is nobody's.
func (d *Directory) Lookup(endpoint string) (Agent, bool) {
	return d.current.Load().lookup(endpoint)
}

func (s *snapshot) lookup(endpoint string) (Agent, bool) {
	key := canonical(endpoint)
	if key == "" {
		return Agent{}, false
	}
	ext := extension(key)
	for _, name := range []string{key, ext} {
		if i, ok := s.exact[name]; ok && name != "" {
			return s.agents[i], true
		}
	}
	if i, ok := s.byExtension[key]; ok && i != ambiguous {
		return s.agents[i], true
	}
	// Reading a number costs a thousand times as much: only where it must be.
	if i, ok := s.exact[s.phoneKey(cmp.Or(ext, key))]; ok {
		return s.agents[i], true
	}
	return Agent{}, false
}

// phoneKey is the number as E.164, or "".
func (s *snapshot) phoneKey(number string) string {
	return telephony.ParseNumber(number, s.country).E164
}

func newSnapshot(entries []Agent, country string) (*snapshot, error) {
	s := &snapshot{
		agents:      slices.Clone(entries),
		country:     country,
		exact:       make(map[string]int),
		byExtension: make(map[string]int),
	}
	var errs []error
	for i := range s.agents {
		a := &s.agents[i]
		a.Numbers, a.verified = slices.Clone(a.Numbers), false
		if err := a.validate(); err != nil {
			errs = append(errs, fmt.Errorf("agents[%d] (%s): %w", i, a.Name, err))
			continue
		}
		for _, number := range a.Numbers {
			if err := s.add(i, number); err != nil {
				errs = append(errs, err)
			}
		}
	}
	errs = append(errs, s.overlaps()...)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// add enters one name of agent i.
func (s *snapshot) add(i int, number string) error {
	key := canonical(number)
	names := []string{key}
	if e164 := s.phoneKey(key); e164 != "" && e164 != key {
		names = append(names, e164)
	}
	for _, name := range names {
		if j, taken := s.exact[name]; taken && j != i {
			return s.conflict(number, i, j)
		}
		s.exact[name] = i
	}
	if ext := extension(key); ext != "" {
		if j, taken := s.byExtension[ext]; taken && j != i {
			i = ambiguous
		}
		s.byExtension[ext] = i
	}
	return nil
}

// overlaps finds channels whose extension is another agent's: "PJSIP/1001"
// rings at who has "1001", whatever the technology.
func (s *snapshot) overlaps() []error {
	var errs []error
	for i, a := range s.agents {
		for _, number := range a.Numbers {
			if j, taken := s.exact[extension(canonical(number))]; taken && j != i {
				errs = append(errs, s.conflict(number, i, j))
			}
		}
	}
	return errs
}

func (s *snapshot) conflict(number string, i, j int) error {
	return fmt.Errorf("agents[%d] (%s) and agents[%d] (%s) both answer on %q: leave it to one of them",
		j, s.agents[j].Name, i, s.agents[i].Name, number)
}
