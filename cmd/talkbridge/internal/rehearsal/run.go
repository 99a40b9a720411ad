package rehearsal

import (
	"context"
	"fmt"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

// Result is what the tests of a configuration came to.
type Result struct {
	// Passed is how many expected something, and got it.
	Passed int
	// Became are the calls of those that expected nothing, or of all, in the words
	// of a test: what could be expected of them.
	Became []string
}

// Run runs the tests of a configuration, whose policy must have a directory of
// its own: Run makes up the ids that its agents have in Zendesk. With all, Became
// has the calls of all tests. The error is a *config.Errors with everything that
// is not as expected, or says that a test cannot be run.
func Run(ctx context.Context, cfg *config.Config, policy *bridge.Policy, all bool) (Result, error) {
	names, err := employ(ctx, policy.Directory)
	if err != nil {
		return Result{}, err
	}
	var result Result
	var problems []config.Problem
	for i, test := range cfg.Tests {
		path := fmt.Sprintf("tests[%d]", i)
		j := &judge{cfg: cfg, directory: policy.Directory, path: path, agents: names}
		s := newScript(cfg, path, *test.Call, j.problem)
		j.names(test)
		if len(j.problems) > 0 {
			problems = append(problems, j.problems...)
			continue
		}
		if j.became, err = bridge.Rehearse(ctx, policy, s.scene(cfg)); err != nil {
			return Result{}, fmt.Errorf("%s: %w", path, err)
		}
		j.compare(test)
		problems = append(problems, j.problems...)
		expects := cfg.TestGiven(path+".ticket") || cfg.TestGiven(path+".pops")
		if expects && len(j.problems) == 0 {
			result.Passed++
		}
		if all || !expects {
			result.Became = append(result.Became, j.text(test))
		}
	}
	return result, config.Wrong(problems)
}

// scene is what is rehearsed.
func (s *script) scene(cfg *config.Config) bridge.Scene {
	scene := bridge.Scene{Events: s.play(), OpenTicket: s.call.OpenTicket, NoVoicemail: true}
	for _, source := range cfg.Sources {
		if source.Name == s.id.Source() {
			voicemail, _ := source.Folders()
			scene.NoVoicemail = voicemail == ""
		}
	}
	return scene
}
