package main

import (
	"context"
	"fmt"

	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/telephony/twilio"
)

// twilio looks at one Twilio account: whether it lets us in, and whether our
// numbers point here.
func (d *doctoring) twilio(ctx context.Context, i int, s config.Source) []symptom {
	var found []symptom
	add := func(check string, v severity, text, remedy string) {
		found = append(found, symptom{s.Name, check, v, text, remedy})
	}
	report, err := twilio.Probe(ctx, twilioConfig(d.cfg, s))
	if err != nil {
		add("account", failure, err.Error(), fmt.Sprintf("correct account_sid and auth_token (or api_key) of sources[%d].twilio", i))
		return found
	}
	text := fmt.Sprintf("%s (%s), %s", report.Account, s.Twilio.AccountSID, plural(len(report.Numbers), "number"))
	if report.Status != "active" {
		add("account", failure, text+": it is "+report.Status, "reactivate it in Twilio's console")
	} else {
		add("account", fine, text, "")
	}
	if dial := s.Twilio.Dial; dial != nil {
		if _, ours := report.Numbers[dial.CallerID]; ours {
			add("dialling", fine, "calls show a number of this account", "")
		} else {
			add("dialling", warning, "the number that calls show is none of this account: they are refused unless it is verified there",
				fmt.Sprintf("set sources[%d].twilio.dial.caller_id to a number of the account, or verify it in Twilio's console", i))
		}
	}
	what, where := "status", "call status changes"
	if s.Twilio.Mode == config.TwilioAnswer {
		what, where = "voice", "a call comes in"
	}
	want := d.cfg.PublicURLFor(s.Twilio) + twilio.Path(s.Name, what)
	ours := 0
	for _, line := range d.cfg.Lines {
		number, have := report.Numbers[line.Number]
		if !have {
			continue // it is another phone system's
		}
		ours++
		points := number.StatusURL
		if what == "voice" {
			points = number.VoiceURL
		}
		switch {
		case points == want:
			add("line "+line.Number, fine, where+": points here", "")
		case number.Application:
			add("line "+line.Number, note, "an application of Twilio's has its addresses, which are not looked at", "in the application, "+where+": "+want+twilio.TryAgain)
		case what == "status":
			add("line "+line.Number, warning, where+": does not point here, so the ends of its calls are known late", where+": "+want+twilio.TryAgain)
		default:
			add("line "+line.Number, failure, where+": does not point here, so its calls do not come here", where+": "+want+twilio.TryAgain)
		}
	}
	if ours == 0 {
		add("lines", warning, "none of the configured lines is a number of this account", "list its numbers under lines")
	}
	return found
}
