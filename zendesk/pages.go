package zendesk

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"net/url"
	"strconv"
)

// each ranges over a list, page by page, with Zendesk's cursors. The items are under the key. An error is yielded once,
// as the last pair. It ends at the page that names no other next page, also if the server says that there is more.
func each[T any](ctx context.Context, c *Client, cl call, key string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := maps.Clone(cl.query)
		if query == nil {
			query = url.Values{}
		}
		query.Set("page[size]", strconv.Itoa(pageSize))
		cl := cl // The sequence may be ranged over again, from its beginning.
		cl.query = query
		for {
			out := page[T]{held: held[[]T]{key: key}}
			if err := c.do(ctx, cl, &out); err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range out.value {
				if !yield(item, nil) {
					return
				}
			}
			if out.next == "" || out.next == query.Get("page[after]") {
				return
			}
			query.Set("page[after]", out.next)
		}
	}
}

// page is one page of a list, with its cursor to the next.
type page[T any] struct {
	held[[]T]

	next string
}

// UnmarshalJSON implements [json.Unmarshaler].
func (p *page[T]) UnmarshalJSON(data []byte) error {
	if err := p.held.UnmarshalJSON(data); err != nil {
		return err
	}
	var rest struct {
		Meta struct {
			HasMore     bool   `json:"has_more"`
			AfterCursor string `json:"after_cursor"`
		} `json:"meta"`
	}
	if err := json.Unmarshal(data, &rest); err != nil {
		return err
	}
	if rest.Meta.HasMore {
		p.next = rest.Meta.AfterCursor
	}
	return nil
}
