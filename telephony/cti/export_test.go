package cti

import (
	"time"

	"github.com/talkbridge/talkbridge/telephony"
)

// TranslateForm is what a source makes of a form.
func TranslateForm(p *Push, body string) ([]telephony.Event, error) {
	f, err := readForm([]byte(body))
	if err != nil {
		return nil, err
	}
	e, err := readPush(f, time.Now(), p.config.Sipgate, p.config.Known)
	if err != nil {
		return nil, err
	}
	return p.config.Translate(e)
}
