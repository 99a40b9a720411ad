package cti

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/talkbridge/talkbridge/telephony"
)

// PushConfig says how the CTI push of one phone system is taken.
type PushConfig struct {
	Translator

	// Token lets a sender in: at the end of the path, as bearer token, or as the
	// password of Basic.
	Token string
	// Sipgate answers as sipgate needs it, which otherwise tells of no answer and no
	// hangup; PublicURL is then how it reaches the public listener.
	Sipgate   bool
	PublicURL string
	// Timeout is when a call ends that nobody ended; 0 is DefaultTimeout.
	Timeout time.Duration
	// Wait is how long an answer may take; 0 is DefaultWait.
	Wait time.Duration
}

// Push is a source that takes the CTI push. It is safe for concurrent use. See
// NewPush.
type Push struct {
	*door

	config PushConfig
}

var _ telephony.Source = (*Push)(nil)

// NewPush returns an error that says what the configuration lacks.
func NewPush(config PushConfig, log logrus.FieldLogger) (*Push, error) {
	if _, err := telephony.NewCallID(config.Site, config.Source, "1"); err != nil {
		return nil, err
	}
	switch {
	case config.Token == "":
		return nil, errors.New("token is missing: anybody could tell of calls")
	case config.Sipgate && config.PublicURL == "":
		return nil, errors.New("http.public_url is missing: sipgate is told where to post answers and hangups")
	}
	if config.Timeout <= 0 {
		config.Timeout = DefaultTimeout
	}
	return &Push{door: newDoor(config.Wait, log), config: config}, nil
}

// Name implements telephony.Source.
func (p *Push) Name() string { return p.config.Source }

// Run implements telephony.Source: while it runs, deliveries are taken.
func (p *Push) Run(ctx context.Context, sink telephony.Sink) error {
	return p.run(ctx, sink, p.config.Timeout)
}

// PushPath is where a source takes deliveries, on the public listener; a token may
// follow it.
func PushPath(source string) string { return "/v1/cti/" + source }

// Register adds the paths of the source.
func (p *Push) Register(mux *http.ServeMux) {
	mux.HandleFunc("POST "+PushPath(p.Name()), p.serve)
	mux.HandleFunc("POST "+PushPath(p.Name())+"/{token}", p.serve)
}

func (p *Push) serve(w http.ResponseWriter, r *http.Request) {
	result := "accepted"
	err := p.take(w, r)
	if said, ours := errors.AsType[*refusal](err); ours && said.status == http.StatusOK {
		result, err = said.reason, nil // nothing for us, and no fault of the sender's
	}
	if err != nil {
		p.refused(w, err)
		return
	}
	p.counts[result].Add(1)
	if p.config.Sipgate {
		p.answerSipgate(w)
		return
	}
	answer(w, http.StatusOK, struct{}{})
}

// take makes durable what a delivery tells.
func (p *Push) take(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	if token == "" {
		token = bearer(r)
	}
	if !same(token, p.config.Token) {
		return refuse(http.StatusUnauthorized, "unauthorized", "wrong token, or none: send it as bearer token, or at the end of the URL")
	}
	body, err := p.body(w, r)
	if err != nil {
		return err
	}
	f, err := readFields(r.Header.Get("Content-Type"), body)
	if err != nil {
		return err
	}
	e, err := readPush(f, time.Now(), p.config.Sipgate, p.config.Known)
	if err != nil {
		return err
	}
	events, err := p.config.Translate(e)
	if err != nil {
		return malformed(err.Error())
	}
	return p.append(r.Context(), events)
}

// sipgateResponse is the answer that has sipgate tell how a call goes on. It has no
// children: each would change the call (developer.sipgate.io, Push API).
type sipgateResponse struct {
	XMLName  xml.Name `xml:"Response"`
	OnAnswer string   `xml:"onAnswer,attr"`
	OnHangup string   `xml:"onHangup,attr"`
}

func (p *Push) answerSipgate(w http.ResponseWriter) {
	to := p.config.PublicURL + PushPath(p.Name()) + "/" + url.PathEscape(p.config.Token)
	body, err := xml.Marshal(sipgateResponse{OnAnswer: to, OnHangup: to})
	if err != nil {
		p.refused(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(append([]byte(xml.Header), body...)) // a sender that went away is no error of ours
}
