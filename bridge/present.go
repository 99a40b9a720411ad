package bridge

import (
	"strconv"
	"strings"

	"github.com/talkbridge/talkbridge/screenpop"
	"github.com/talkbridge/talkbridge/telephony"
)

// present reports whether the agent of a want has the page already, on another
// leg of his that was up when this one came to talk. Who consults a colleague
// from a second leg, and joins the two calls, is on both for a moment; who got
// the call back after he had left it is not. Times are the phone system's.
func present(call telephony.State, pops map[string]*screenpop.Outcome, want screenpop.Want) bool {
	for key, pop := range pops {
		agent, leg, _ := strings.Cut(key, "/")
		if agent != strconv.FormatInt(want.Agent.ZendeskID, 10) || pop == nil || pop.Result != screenpop.Accepted {
			continue
		}
		for _, l := range call.Legs {
			if l.ID == leg && (l.EndedAt.IsZero() || !l.EndedAt.Before(want.Since)) {
				return true
			}
		}
	}
	return false
}
