package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
)

const (
	dialPath = "/v1/calls"
	// maxKey bounds an Idempotency-Key, minKey keeps it from being a word.
	maxKey = 128
	minKey = 8
)

// register serves orders for calls, to those who show a token with the scope dial. The
// list of calls, which the control socket has at that path, is not here.
func (k *dialDesk) register(mux *http.ServeMux) {
	mux.HandleFunc(dialPath, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			http.NotFound(w, r)
			return
		}
		answer, err := k.serve(w, r)
		if err != nil {
			writeOrderError(w, err)
			return
		}
		status := map[bridge.DialState]int{
			bridge.DialTaken: http.StatusAccepted, bridge.DialRefused: http.StatusBadGateway, bridge.DialPending: http.StatusGatewayTimeout,
		}[answer.State]
		writeJSON(w, status, answer)
	})
}

func writeOrderError(w http.ResponseWriter, err error) {
	p, known := errors.AsType[*orderError](err)
	if !known {
		p = wrongOrder(http.StatusInternalServerError, "%v", err)
	}
	if p.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(p.after.Seconds())+1))
	}
	if p.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="talkbridge"`)
	}
	writeJSON(w, p.status, map[string]string{"error": p.text})
}

// serve judges a request before the order in it.
func (k *dialDesk) serve(w http.ResponseWriter, r *http.Request) (dialAnswer, error) {
	cfg := k.settings.Load()
	if cfg.Dial == nil {
		return k.place(r.Context(), asker{}, dialOrder{}) // says so
	}
	token, name, ok := dialToken(cfg.HTTP.Tokens, r.Header.Get("Authorization"))
	if !ok {
		return dialAnswer{}, wrongOrder(http.StatusUnauthorized, "no token with the scope dial: send Authorization: Bearer and one of http.tokens that has it")
	}
	key := r.Header.Get("Idempotency-Key")
	if len(key) < minKey || len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return dialAnswer{}, wrongOrder(http.StatusBadRequest, "header Idempotency-Key: want %d to %d characters that name this order, such as a UUID: it is placed once, however often it is sent", minKey, maxKey)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return dialAnswer{}, wrongOrder(http.StatusUnsupportedMediaType, "header Content-Type: want application/json")
	}
	order, err := readOrder(w, r)
	if err != nil {
		return dialAnswer{}, err
	}
	return k.place(r.Context(), asker{name: name, key: key, agent: token.Agent}, order)
}

func readOrder(w http.ResponseWriter, r *http.Request) (dialOrder, error) {
	var order dialOrder
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&order)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something stands behind the object")
		}
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return order, wrongOrder(http.StatusRequestEntityTooLarge, "the body is larger than %d KiB", maxBody>>10)
	}
	if err != nil {
		return order, wrongOrder(http.StatusBadRequest, `the body is not what is wanted, {"agent": "Ana", "number": "+493055512345"}: %s`, safeLine(clipText(err.Error())))
	}
	return order, nil
}

// dialToken finds the token that a header shows. It looks at all of them, whatever it
// finds, so that the time it takes says nothing.
func dialToken(tokens []config.Token, header string) (found config.Token, name string, ok bool) {
	scheme, secret, _ := strings.Cut(header, " ")
	shown := sha256.Sum256([]byte(strings.TrimSpace(secret)))
	for i, t := range tokens {
		want := sha256.Sum256([]byte(t.Token.Reveal()))
		if subtle.ConstantTimeCompare(shown[:], want[:]) == 1 && t.Scope == config.ScopeDial && strings.EqualFold(scheme, "Bearer") {
			found, name, ok = t, tokenName(i, t), true
		}
	}
	return found, name, ok
}
