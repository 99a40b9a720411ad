package rehearsal

import (
	"context"
	"fmt"
	"sync"

	"github.com/talkbridge/talkbridge/screenpop"
)

// firstID is the first id that is made up for agents who are configured by their
// address. Zendesk's own are smaller.
const firstID = 1 << 52

// staff says of all agents that they are such in Zendesk. It implements
// screenpop.Finder.
type staff struct {
	mu  sync.Mutex
	ids map[string]int64
}

// AgentByEmail implements screenpop.Finder.
func (s *staff) AgentByEmail(_ context.Context, email string) (id int64, name string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.ids[email]; !known {
		s.ids[email] = firstID + int64(len(s.ids))
	}
	return s.ids[email], email, nil
}

// AgentByID implements screenpop.Finder.
func (s *staff) AgentByID(_ context.Context, id int64) (name string, err error) {
	return fmt.Sprint(id), nil
}

// employ gives every agent an id, and returns their names by it.
func employ(ctx context.Context, directory *screenpop.Directory) (map[int64]string, error) {
	if err := directory.Resolve(ctx, &staff{ids: make(map[string]int64)}); err != nil {
		return nil, err
	}
	names := make(map[int64]string)
	for _, a := range directory.Agents() {
		names[a.ZendeskID] = a.Name
	}
	return names, nil
}
