package screenpop

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	agents []Agent
	// countries are how numbers are read, the site's first.
	countries []string
	// exact has every name as configured and every telephone number as E.164.
	exact map[string]int
	// byExtension has the extensions of configured channels, where only one
	// agent has it, or ambiguous.
	byExtension map[string]int
}

const ambiguous = -1

// NewDirectory makes a directory of the configured agents. The countries are how
// telephone numbers without a leading "+" are read, ISO 3166 codes: those of
// agents in the first, the site's; a number that is looked up in the others
// too, those of lines, for a phone system may dial an agent's mobile in the
// writing of any of them. Without one only international numbers are read. The
// error names all that is wrong, each with its place and remedy: missing names,
// identities or numbers, and numbers that two agents claim.
func NewDirectory(entries []Agent, countries ...string) (*Directory, error) {
	s, err := newSnapshot(entries, countries)
	if err != nil {
		return nil, err
	}
	d := &Directory{}
	d.current.Store(s)
	return d, nil
}

// Reload replaces the agents. Those whose identity stayed the same stay
// resolved. On an error the directory remains as it was.
func (d *Directory) Reload(entries []Agent, countries ...string) error {
	s, err := newSnapshot(entries, countries)
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
			s.agents[i].ZendeskID, s.agents[i].verified, s.agents[i].recalled = k.ZendeskID, true, k.recalled
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
	for _, e164 := range s.readings(cmp.Or(ext, key)) {
		if i, ok := s.exact[e164]; ok {
			return s.agents[i], true
		}
	}
	return Agent{}, false
}

// phoneKey is the number as E.164, or "".
func (s *snapshot) phoneKey(number string) string {
	return telephony.ParseNumber(number, s.countries[0]).E164
}

// readings are what a number that was dialled may mean, as E.164, the likeliest
// first: what it means in the countries, or, since some carriers want it so, an
// international number without its plus.
func (s *snapshot) readings(number string) []string {
	var all []string
	for _, country := range s.countries {
		all = append(all, telephony.ParseNumber(number, country).E164)
	}
	if !strings.HasPrefix(number, "+") && !strings.HasPrefix(number, "0") {
		all = append(all, telephony.ParseNumber("+"+number, "").E164)
	}
	return slices.DeleteFunc(all, func(e164 string) bool { return e164 == "" })
}

func newSnapshot(entries []Agent, countries []string) (*snapshot, error) {
	s := &snapshot{
		agents:      slices.Clone(entries),
		countries:   distinct(countries),
		exact:       make(map[string]int),
		byExtension: make(map[string]int),
	}
	var errs []error
	for i := range s.agents {
		a := &s.agents[i]
		a.Numbers, a.verified, a.recalled = slices.Clone(a.Numbers), false, false
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

// distinct are the countries, each once, in their order: at least one, if only "".
func distinct(countries []string) []string {
	each := make([]string, 0, len(countries)+1)
	for _, country := range countries {
		if !slices.Contains(each, country) {
			each = append(each, country)
		}
	}
	if len(each) == 0 {
		each = append(each, "")
	}
	return each
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
