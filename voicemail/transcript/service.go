package transcript

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"time"
)

const (
	// DefaultModel is what services of this form commonly know.
	DefaultModel = "whisper-1"
	// maxAnswer bounds the body of an answer: a text of MaxText in JSON, each
	// character escaped.
	maxAnswer = 6*MaxText + 64<<10
	// maxRetryAfter bounds what a service may make us wait.
	maxRetryAfter = time.Hour
	// maxConns bounds the connections to the service.
	maxConns = 16
)

// ServiceConfig says where a service is.
type ServiceConfig struct {
	// URL is the whole address, such as
	// https://speech.example.com/v1/audio/transcriptions. Nothing else is asked.
	URL string
	// Key is sent as a bearer token; "" sends none.
	Key string
	// Model is DefaultModel if it is "".
	Model string
	// Timeout bounds one request with its answer; 0 is DefaultTimeout.
	Timeout time.Duration
	// UserAgent is what we call ourselves.
	UserAgent string
}

// Service is a Hook that speaks OpenAI's audio API. Close its connections with
// CloseIdleConnections.
//
// OpenAI docs: https://platform.openai.com/docs/api-reference/audio/createTranscription
type Service struct {
	config ServiceConfig
	host   string
	client *http.Client
}

var _ Hook = (*Service)(nil)

// NewService returns a service that is asked at one address. It follows no
// redirect: recordings and key go to that host, and to no other. The error says
// that the address is none.
func NewService(c ServiceConfig) (*Service, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("transcription service: its url is no web address")
	}
	c.Model, c.Timeout = cmp.Or(c.Model, DefaultModel), cmp.Or(c.Timeout, DefaultTimeout)
	return &Service{config: c, host: u.Host, client: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 50 * time.Second, MaxConnsPerHost: maxConns,
			MaxIdleConnsPerHost: 2, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		},
	}}, nil
}

// Host is where the service is, for people.
func (s *Service) Host() string { return s.host }

// CloseIdleConnections closes what is kept open between requests.
func (s *Service) CloseIdleConnections() { s.client.CloseIdleConnections() }

// Transcribe implements Hook.
func (s *Service) Transcribe(ctx context.Context, speech Speech) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.Timeout, fmt.Errorf("no answer within %s", s.config.Timeout))
	defer cancel()
	request, err := s.request(ctx, speech)
	if err != nil {
		return "", err
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return "", fmt.Errorf("ask the transcription service: %w", plain(ctx, err))
	}
	defer answer.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if refused := refusal(answer); refused != nil {
		return "", refused // whatever its body says
	}
	switch {
	case err != nil:
		return "", fmt.Errorf("read the answer of the transcription service: %w", plain(ctx, err))
	case len(body) > maxAnswer:
		return "", fmt.Errorf("the answer of the transcription service is larger than %d bytes", maxAnswer)
	}
	var told struct {
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(body, &told); err != nil || told.Text == nil {
		return "", errors.New("the answer of the transcription service is no JSON with a text: is url the address of an API in OpenAI's form?")
	}
	return Clean(*told.Text, MaxText), nil
}

// plain takes the address off an error of the client: it may be long, and is in
// the configuration.
func plain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if asked, found := errors.AsType[*url.Error](err); found {
		return asked.Err
	}
	return err
}

// request is the form with the audio. The recording is read while it is sent.
func (s *Service) request(ctx context.Context, speech Speech) (*http.Request, error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	fields := [][2]string{{"model", s.config.Model}, {"response_format", "json"}}
	if speech.Language != "" {
		fields = append(fields, [2]string{"language", speech.Language})
	}
	for _, f := range fields {
		if err := w.WriteField(f[0], f[1]); err != nil {
			return nil, fmt.Errorf("write the form: %w", err)
		}
	}
	header := textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="audio.` + string(speech.Format) + `"`},
		"Content-Type":        {speech.Format.ContentType()},
	}
	if _, err := w.CreatePart(header); err != nil {
		return nil, fmt.Errorf("write the form: %w", err)
	}
	before := form.Len()
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write the form: %w", err)
	}
	head, tail := form.Bytes()[:before], form.Bytes()[before:]
	body := io.MultiReader(bytes.NewReader(head), io.LimitReader(speech.Audio, speech.Size), bytes.NewReader(tail))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.config.URL, body)
	if err != nil {
		return nil, fmt.Errorf("ask the transcription service: %w", err)
	}
	request.ContentLength = int64(form.Len()) + speech.Size
	request.Header.Set("Content-Type", w.FormDataContentType())
	request.Header.Set("Accept", "application/json")
	if s.config.UserAgent != "" {
		request.Header.Set("User-Agent", s.config.UserAgent)
	}
	if s.config.Key != "" {
		request.Header.Set("Authorization", "Bearer "+s.config.Key)
	}
	return request, nil
}

// refusal is what an answer says other than a text, nil for one that has it. What
// a person can put right (a key, an address) is worth another try.
func refusal(answer *http.Response) error {
	status := answer.StatusCode
	switch {
	case status/100 == 2:
		return nil
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return &BusyError{Status: status, After: retryAfter(answer.Header.Get("Retry-After"), time.Now())}
	case status/100 == 3:
		return fmt.Errorf("the transcription service answers %d and sends us elsewhere, where recordings are not taken: correct url", status)
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("the transcription service answers %d: check api_key", status)
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return fmt.Errorf("the transcription service answers %d: check url and model", status)
	case status == http.StatusRequestTimeout, status == http.StatusConflict, status == http.StatusTooEarly, status/100 == 5:
		return fmt.Errorf("the transcription service answers %d", status)
	}
	return &RefusedError{Reason: fmt.Sprintf("the transcription service answers %d to this audio", status)}
}

// retryAfter reads the header: seconds, or a date. 0 is that it says nothing.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(n)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(0, at.Sub(now)), maxRetryAfter)
	}
	return 0
}
