package torture

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Source is a way in which phone systems tell of calls.
type Source string

// The sources.
const (
	// Asterisk is told of by AMI, which tells nothing twice.
	Asterisk Source = "asterisk"
	// Twilio posts webhooks, hardly tries again, and has lists of what was.
	Twilio Source = "twilio"
	// CTI is the push, whose sender repeats what was not taken.
	CTI Source = "cti"
	// Events are our own, posted or over a WebSocket, repeated likewise.
	Events Source = "events"
)

// Sources are all of them.
var Sources = []Source{Asterisk, Twilio, CTI, Events}

// sourceNames are what they are called in the configuration.
var sourceNames = map[Source]string{Asterisk: sourceName, Twilio: "twilio1", CTI: "push1", Events: "events1"}

// name is what the source is called in the configuration.
func (s Source) name() string { return sourceNames[s] }

// callID is what talkbridge calls a call of the source.
func (s Source) callID(native string) string { return siteName + "/" + s.name() + "/" + native }

// tellsAgain says that what was not taken is told again, so that nothing of a call
// is missed while no daemon runs.
func (s Source) tellsAgain() bool { return s == CTI || s == Events }

// maxWeight bounds the weight of a share.
const maxWeight = 1000

// Share says how many of the calls come from a source: Weight among those of all
// shares.
type Share struct {
	Source Source
	Weight int
}

// AllShares are all sources, each with as many calls as another.
func AllShares() []Share {
	var all []Share
	for _, s := range Sources {
		all = append(all, Share{s, 1})
	}
	return all
}

// ParseShares reads the names of sources, each with a weight behind it or not:
// asterisk=3.
func ParseShares(texts []string) ([]Share, error) {
	var shares []Share
	for _, text := range texts {
		name, number, weighted := strings.Cut(strings.TrimSpace(text), "=")
		share := Share{Source(name), 1}
		if weighted {
			share.Weight, _ = strconv.Atoi(number) // 0 is refused below
		}
		switch {
		case !slices.Contains(Sources, share.Source):
			return nil, fmt.Errorf("--sources %q: want one or more of %s", name, list(Sources))
		case share.Weight < 1 || share.Weight > maxWeight:
			return nil, fmt.Errorf("--sources %q: want a weight of 1 to %d behind %s=", strings.TrimSpace(text), maxWeight, name)
		case slices.ContainsFunc(shares, func(s Share) bool { return s.Source == share.Source }):
			return nil, fmt.Errorf("--sources: %s stands there twice", name)
		}
		shares = append(shares, share)
	}
	if len(shares) == 0 {
		return nil, fmt.Errorf("--sources: want one or more of %s", list(Sources))
	}
	return shares, nil
}

func list(sources []Source) string {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// pick is the source of the next call. Of one there is nothing to choose, and the
// dice stay as they are.
func pick(dice *rand.Rand, shares []Share) Source {
	if len(shares) == 1 {
		return shares[0].Source
	}
	return weighted(dice, shares, func(s Share) int { return s.Weight }).Source
}

// weighted picks one of some, each as likely as its weight says.
func weighted[T any](dice *rand.Rand, some []T, weight func(T) int) T {
	whole := 0
	for _, one := range some {
		whole += weight(one)
	}
	at, i := dice.IntN(whole), 0
	for ; at >= weight(some[i]); i++ {
		at -= weight(some[i])
	}
	return some[i]
}

// has reports whether calls come from a source.
func (o Options) has(source Source) bool {
	return slices.ContainsFunc(o.shares(), func(s Share) bool { return s.Source == source })
}

// shares are those of Sources, or of all.
func (o Options) shares() []Share {
	if len(o.Sources) == 0 {
		return AllShares()
	}
	return o.Sources
}
