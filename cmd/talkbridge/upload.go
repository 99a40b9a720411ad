package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/talkbridge/talkbridge/voicemail"
	"github.com/talkbridge/talkbridge/zendesk"
)

const (
	// uploadTries is how often an upload is tried before the ticket gets a link.
	uploadTries = 3
	// uploadWait is the wait between two tries, where Zendesk asks for none;
	// longestUploadWait bounds what it may ask for.
	uploadWait        = 2 * time.Second
	longestUploadWait = 15 * time.Second
)

// uploader stores files with Zendesk; *zendesk.Client is one.
type uploader interface {
	UploadFile(ctx context.Context, name, contentType string, content []byte) (zendesk.Upload, error)
}

// address is where the ticket finds what was kept: with Zendesk if it is to be
// uploaded and can be, else at a signed link. The audio is never lost for it.
func (a *audio) address(ctx context.Context, kept voicemail.Audio) (string, error) {
	if a.upload != nil && kept.Size <= zendesk.MaxUpload {
		url, err := a.uploaded(ctx, kept)
		if err == nil {
			return url, nil
		}
		if ctx.Err() != nil {
			return "", err
		}
		a.log.WithError(err).Warn("audio not uploaded, the ticket links to it")
	}
	link, err := a.ring.Link(a.publicURL, kept)
	if err != nil {
		return "", fmt.Errorf("sign the link: %w", err)
	}
	return link, nil
}

// uploaded stores audio with Zendesk and returns where it is. A repeated upload
// leaves a second file there, which nobody sees.
func (a *audio) uploaded(ctx context.Context, kept voicemail.Audio) (string, error) {
	content, err := a.content(kept)
	if err != nil {
		return "", err
	}
	for try := 1; ; try++ {
		up, err := a.upload.UploadFile(ctx, kept.ID+kept.Ext(), kept.ContentType(), content)
		if err == nil {
			return up.ContentURL, nil
		}
		wait := uploadWait
		refused, ok := errors.AsType[*zendesk.Error](err)
		if ok && refused.RetryAfter > 0 {
			wait = min(refused.RetryAfter, longestUploadWait)
		}
		final := ok && refused.Status/100 == 4 && !refused.IsRateLimited()
		if try == uploadTries || final {
			return "", fmt.Errorf("upload audio: %w", err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return "", fmt.Errorf("upload audio: %w", context.Cause(ctx))
		}
	}
}

// content reads what was kept, of which it is known that it is small enough.
func (a *audio) content(kept voicemail.Audio) ([]byte, error) {
	rec, err := a.store.Open(kept.ID)
	if err != nil {
		return nil, fmt.Errorf("read kept audio: %w", err)
	}
	content, err := io.ReadAll(io.LimitReader(rec, zendesk.MaxUpload))
	if err = errors.Join(err, rec.Close()); err != nil {
		return nil, fmt.Errorf("read kept audio: %w", err)
	}
	return content, nil
}
