package zendesk

import (
	"context"
	"encoding/json"
)

// pageSize is what Zendesk allows in one page of its lists.
const pageSize = 100

// wrap is a body of one thing under its key, such as {"ticket": …}.
type wrap map[string]any

// one sends the call and returns what its answer holds under the key, such as the ticket of {"ticket": …}. An empty
// key means the whole answer.
func one[T any](ctx context.Context, c *Client, cl call, key string) (T, error) {
	out := held[T]{key: key}
	if err := c.do(ctx, cl, &out); err != nil {
		var none T
		return none, err
	}
	return out.value, nil
}

// held is an answer that holds one thing under a key, or is that thing.
type held[T any] struct {
	key   string
	value T
	found bool
}

// UnmarshalJSON implements [json.Unmarshaler].
func (h *held[T]) UnmarshalJSON(data []byte) error {
	if h.key == "" {
		h.found = true
		return json.Unmarshal(data, &h.value)
	}
	if data[0] != '{' { // A list, a text, a number, null.
		return json.Unmarshal(data, &struct{}{})
	}
	raw := field(data, h.key)
	if h.found = len(raw) > 0 && raw[0] != 'n'; !h.found {
		return nil
	}
	return json.Unmarshal(raw, &h.value)
}

// record is a thing that can be told to be incomplete: lacks names the first field that must be there and is not.
type record interface{ lacks() string }

// lacksID is lacks for what has nothing but its id to be known by.
func lacksID(id int64) string {
	if id == 0 {
		return "id"
	}
	return ""
}

// missing implements answer.
func (h *held[T]) missing() string {
	if !h.found {
		return h.key
	}
	what, is := any(&h.value).(record)
	if !is {
		return ""
	}
	switch field := what.lacks(); {
	case field == "" || h.key == "":
		return field
	default:
		return h.key + "." + field
	}
}
