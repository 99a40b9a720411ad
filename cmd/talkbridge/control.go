package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/talkbridge/talkbridge/bridge"
	"github.com/talkbridge/talkbridge/cmd/talkbridge/internal/config"
	"github.com/talkbridge/talkbridge/journal"
	"github.com/talkbridge/talkbridge/telephony"
)

const (
	// maxListed bounds how many calls one answer lists.
	maxListed = 1000
	// maxAnswer bounds what is read of one answer of the daemon.
	maxAnswer = 64 << 20
)

// controlHandler serves the other commands of this program on the Unix socket,
// which only the daemon's own user can open.
func (d *daemon) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/calls", func(w http.ResponseWriter, r *http.Request) {
		limit, err := strconv.Atoi(r.FormValue("limit"))
		if err != nil || limit < 1 || limit > maxListed {
			http.Error(w, fmt.Sprintf("limit: want 1 to %d", maxListed), http.StatusBadRequest)
			return
		}
		rows, err := listCalls(r.Context(), d.journal, limit)
		if err == nil {
			err = d.addOwed(r.Context(), rows)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		writeJSON(w, http.StatusOK, rows)
	})
	mux.HandleFunc("GET /healthz", d.healthz)
	mux.HandleFunc("GET /readyz", d.readyz)
	return mux
}

// addOwed adds what only the bridge knows: it keeps every call that is owed
// something in memory.
func (d *daemon) addOwed(ctx context.Context, rows []callRow) error {
	views, err := d.bridge.Calls(ctx)
	if err != nil {
		return err
	}
	next := make(map[telephony.CallID]bridge.Step, len(views))
	for _, v := range views {
		next[v.State.ID] = v.Next
	}
	for i := range rows {
		step, inMemory := next[rows[i].ID]
		switch {
		case !inMemory:
			rows[i].Settled = rows[i].Disposition != ""
		case step.Settled:
			rows[i].Settled = true
		case step.Kind != "":
			rows[i].Owed = string(step.Kind) + ": " + step.Reason
		}
	}
	return nil
}

// listCalls reads the newest calls from the journal.
func listCalls(ctx context.Context, j bridge.Journal, limit int) ([]callRow, error) {
	views, err := bridge.History(ctx, j, limit)
	if err != nil {
		return nil, err
	}
	rows := make([]callRow, 0, len(views))
	for _, v := range views {
		rows = append(rows, newCallRow(v))
	}
	return rows, nil
}

// fetchCalls asks the running daemon; if none runs, it takes the lock and reads
// the journal itself.
func fetchCalls(ctx context.Context, cfg *config.Config, limit int) ([]callRow, error) {
	if _, err := os.Stat(socketDir(cfg)); errors.Is(err, os.ErrNotExist) {
		return nil, nil // nothing has been here yet, and a look must not begin it
	}
	j, err := journal.Open(ctx, journal.Options{Dir: socketDir(cfg), Site: cfg.Site})
	if _, locked := errors.AsType[*journal.LockedError](err); locked {
		return askDaemon(ctx, cfg, limit)
	}
	if err != nil {
		return nil, err
	}
	rows, err := listCalls(ctx, j, limit)
	return rows, errors.Join(err, j.Close())
}

func askDaemon(ctx context.Context, cfg *config.Config, limit int) ([]callRow, error) {
	status, body, err := askControl(ctx, cfg, "/v1/calls?limit="+strconv.Itoa(limit))
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("the running daemon answered %d: %s", status, body)
	}
	var rows []callRow
	if err := json.Unmarshal(body, &rows); err != nil {
		return nil, fmt.Errorf("the running daemon answered something unreadable: %w", err)
	}
	return rows, nil
}

// askControl gets a path of the running daemon's control socket.
func askControl(ctx context.Context, cfg *config.Config, path string) (status int, body []byte, err error) {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return journal.DialControl(ctx, socketDir(cfg))
		},
		DisableKeepAlives: true,
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://talkbridge"+path, nil)
	if err != nil {
		return 0, nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("ask the running daemon: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("ask the running daemon: %w", err)
	}
	return response.StatusCode, body, nil
}
