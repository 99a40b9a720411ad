package zendesktest

// Spec is Zendesk's published OpenAPI description.
type Spec struct{}

type checker struct{}

func newChecker(*Spec) *checker { return &checker{} }
func (*checker) request(*call)  {}
