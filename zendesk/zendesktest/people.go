package zendesktest

import (
	"fmt"
	"time"
)

// SetUser is a person changing a user's profile: edit may change the name, the notes, the tags and the custom fields.
// Search sees it a delay later.
func (s *Server) SetUser(id int64, edit func(*User)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, err := s.acct.liveUser(id)
	if err != nil {
		return err
	}
	u := rec.clone()
	edit(&u)
	rec.Name, rec.Notes, rec.Tags, rec.Fields = u.Name, u.Notes, u.Tags, u.Fields
	s.changedByHand(rec)
	return nil
}

// DeleteUser is a person deleting a user: from now on he is inactive, has no address and no external id, and cannot
// request tickets. Search goes on finding him until the index has caught up.
func (s *Server) DeleteUser(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, err := s.acct.liveUser(id)
	if err != nil {
		return err
	}
	s.retire(rec)
	return nil
}

// MergeUser is a person merging an end user into another: that one gets his addresses, as further ones, and his
// tickets; then he is deleted. A shared number is no address, and goes with him. What becomes of his external id Zendesk
// does not say; here it is free again.
func (s *Server) MergeUser(id, into int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, err := s.acct.liveUser(id)
	if err != nil {
		return err
	}
	winner, err := s.acct.liveUser(into)
	if err != nil || winner == rec || rec.Role != RoleEndUser {
		return fmt.Errorf("merge user %d into %d: want two end users", id, into)
	}
	addresses := rec.identities()
	s.retire(rec)
	rec.MergedInto = into
	for _, address := range addresses {
		if address.kind == identityPhone {
			s.acct.addIdentity(winner, address.value)
		} else {
			s.acct.addEmail(winner, address.value)
		}
	}
	for _, t := range s.acct.ticketOrder {
		if t.RequesterID == id {
			t.RequesterID = into
			s.acct.ticketChanged(t)
		}
	}
	s.changedByHand(winner)
	return nil
}

// retire makes a user inactive, and his addresses free.
func (s *Server) retire(rec *userRecord) {
	s.acct.unindexKeys(rec)
	for _, n := range rec.PhoneIdentities {
		delete(s.acct.byPhone, digits(n))
	}
	rec.Deleted, rec.ExternalID, rec.Email, rec.Phone, rec.SharedPhone = true, "", "", "", false
	rec.PhoneIdentities, rec.moreEmails = nil, nil
	s.changedByHand(rec)
}

func (s *Server) changedByHand(rec *userRecord) {
	rec.UpdatedAt = s.clock.now().Truncate(time.Second)
	s.acct.userChanged(rec)
}

func (a *account) liveUser(id int64) (*userRecord, error) {
	if rec := a.users[id]; rec != nil && !rec.Deleted {
		return rec, nil
	}
	return nil, fmt.Errorf("change user %d: there is none", id)
}
