package config

import "time"

// Dial says whom calls may be placed to (docs/dialling.md). Without it none are placed.
type Dial struct {
	// The only numbers that may be called, or beginnings of them: "+49*". What is not among them is refused, and premium numbers are in any case.
	Allow []string `yaml:"allow,required" check:"numbers"`
	// Numbers, or beginnings of them, that may not be called although they are allowed.
	Deny []string `yaml:"deny" check:"numbers"`
	// How many calls may be placed for one agent within a minute.
	PerAgent int `yaml:"per_agent" check:"1..60"`
}

// setDefaults is called by the decoder on each new Dial, before the file's values.
func (d *Dial) setDefaults() { d.PerAgent = 6 }

// AsteriskDial says how calls are placed through an Asterisk. The user in manager.conf needs write=originate for it.
type AsteriskDial struct {
	// Context of the dialplan in which the agents' phones dial.
	Context string `yaml:"context,required" check:"dialplan"`
	// What they dial before a number outside: "9", where that gets a line.
	Prefix string `yaml:"prefix" check:"dialplan"`
	// How the number is written.
	Format DialFormat `yaml:"format"`
	// Technology of the phones of agents that are listed by their extension alone.
	Technology string `yaml:"technology" check:"dialplan"`
	// How long the agent's phone rings.
	Ring time.Duration `yaml:"ring" check:"5s..2m"`
}

// setDefaults is called by the decoder on each new AsteriskDial, before the file's values.
func (d *AsteriskDial) setDefaults() {
	d.Format, d.Technology, d.Ring = DialE164, "PJSIP", 30*time.Second
}

// TwilioDial says how calls are placed through a Twilio account: it calls the agent's client, SIP address or number, and then whom he wants.
type TwilioDial struct {
	// Number that both sides see, in quotes: one of the account's own, or one that is verified there. Twilio places no call without.
	CallerID string `yaml:"caller_id,required"`
	// How long the agent's phone rings. A mailbox that answers it is connected with whom he wants to call: so shorter than it takes to that.
	Ring time.Duration `yaml:"ring" check:"5s..2m"`
}

// setDefaults is called by the decoder on each new TwilioDial, before the file's values.
func (d *TwilioDial) setDefaults() { d.Ring = 20 * time.Second }

// DialFormat is how a number is dialled.
type DialFormat string

// The values of DialFormat.
const (
	DialE164          DialFormat = "e164"          // +493055512345
	DialInternational DialFormat = "international" // 00493055512345
	DialNational      DialFormat = "national"      // 03055512345 for numbers of the site's country, else as international
)

// ScopeDial lets its bearer place calls, and read nothing.
const ScopeDial Scope = "dial"

// Readers are the tokens that show the live feed.
func (h HTTP) Readers() []Token {
	var readers []Token
	for _, t := range h.Tokens {
		if t.Scope != ScopeDial {
			readers = append(readers, t)
		}
	}
	return readers
}
