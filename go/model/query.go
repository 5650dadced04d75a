package model

import "net/url"

// QueryParameters tell which part of a list is wanted, in which order.
type QueryParameters struct {
	// Offset is how many entries are left out at the beginning; only with a Count.
	Offset int
	// Count is how many entries at most; 0 for all.
	Count int
	// SortBy is the name of a column; empty for the list's own order.
	SortBy string
	// SortInverted sorts from high to low.
	SortInverted bool
	// Filter narrows the lists that can be searched.
	Filter string
}

// Values are the parameters that the API's lists of objects understand: sort and order. They know no limit.
func (p QueryParameters) Values() url.Values {
	values := url.Values{}
	if p.SortBy != "" {
		values.Set("sort", p.SortBy)
	}
	if p.SortInverted {
		values.Set("order", "desc")
	}
	return values
}

// ParseQueryParameters reads what [QueryParameters.Values] writes; other parameters are passed over.
func ParseQueryParameters(values url.Values) QueryParameters {
	return QueryParameters{SortBy: values.Get("sort"), SortInverted: values.Get("order") == "desc"}
}
