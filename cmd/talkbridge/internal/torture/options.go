package torture

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/talkbridge/talkbridge/zendesk/zendesktest"
)

const (
	// Rate is how many calls begin a second unless a duration is given.
	Rate = 12
	// maxRate bounds them, maxCalls how many there are in all.
	maxRate  = 50
	maxCalls = 100_000
)

// Options say how hard it is. Calls, Plans, Command and Out must be set.
type Options struct {
	// Calls is how many are played, Kills how often the program is killed: shared
	// out among the plans.
	Calls, Kills int
	// Duration is how long calls come in, all plans together; 0: Rate calls a
	// second.
	Duration time.Duration
	// Seed fixes everything random.
	Seed uint64
	// Sources say where the calls come from; nil: AllShares.
	Sources []Share
	// Plans are those of the accounts that are tried, one after the other.
	Plans []zendesktest.Plan
	// Calm leaves the faults of Zendesk and of the network out: the program is
	// killed, and that is all.
	Calm bool
	// Journal is the folder of the journal; "" is one of its own.
	Journal string
	// Blackout takes the power of the program, process pid, which kill ends, and of the
	// disk under Journal; it is back when Blackout returns. nil: the program is killed,
	// and that is all.
	Blackout func(pid int, kill func()) error
	// Command is the program with its first arguments; "serve" and so on follow.
	// Env is what it finds in its environment besides what this process has.
	Command, Env []string
	// Out is told what happens.
	Out io.Writer
	// Progress is rewritten all the time, for whoever looks at it; nil: nobody.
	Progress io.Writer
	// Keep leaves the folder with log and journals also where all went well.
	Keep bool
	// Judging is called before the last look, unless it is nil: tests spoil
	// something here, to see that it is noticed.
	Judging func(*zendesktest.Server)
}

// Validate says what is wrong with the numbers.
func (o Options) Validate() error {
	var errs []error
	if o.Calls < len(o.Plans) || o.Calls > maxCalls {
		errs = append(errs, fmt.Errorf("--calls %d: want %d to %d", o.Calls, len(o.Plans), maxCalls))
	}
	if o.Kills < 0 || o.Kills > o.Calls {
		errs = append(errs, fmt.Errorf("--kills %d: want 0 to as many as there are calls, %d", o.Kills, o.Calls))
	}
	if shortest := time.Duration(o.Calls) * time.Second / maxRate; o.Duration != 0 && o.Duration < shortest {
		errs = append(errs, fmt.Errorf("--duration %s: %d calls need %s, at %d a second", o.Duration, o.Calls, shortest, maxRate))
	}
	return errors.Join(errs...)
}

// every is the time between the beginnings of two calls.
func (o Options) every() time.Duration {
	if o.Duration == 0 {
		return time.Second / Rate
	}
	return o.Duration / time.Duration(o.Calls)
}
