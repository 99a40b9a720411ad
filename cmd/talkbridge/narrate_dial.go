package main

import (
	"fmt"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/telephony"
)

// dialIntended: somebody asked for the call.
func (n *narrator) dialIntended(o *bridge.Outcome, l *storyLine) {
	l.Who = bySent
	if o.Dial == nil {
		l.Text = "the phone system is asked to place the call"
		return
	}
	l.Text = fmt.Sprintf("the phone system is asked to call %s for %s, as %s wants it", telephony.MaskNumber(o.Dial.Number), o.Dial.Agent, o.Dial.By)
	if o.Dial.Ticket != 0 {
		l.Text += fmt.Sprintf(", for ticket #%d", o.Dial.Ticket)
	}
}

func (n *narrator) dialDone(_ *bridge.Outcome, l *storyLine) {
	l.Tone, l.Text = good, "the phone system takes the order"
}

func (n *narrator) dialFailed(o *bridge.Outcome, l *storyLine) {
	l.Tone, l.Text = bad, "the phone system refuses the order: "+o.Reason
}
