// Package model has the domain models of Semaphore as Go structs: their JSON is that of the REST API, and a document of
// [Encode] carries what is stored besides, so that entities go to the Rust models and back without loss.
//
// It is plain Go, without cgo and without rules: validation and permissions are the server's.
package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Object is a free-form JSON object; its numbers stay as they were written.
type Object map[string]any

// UnmarshalJSON reads an object; null gives none.
func (o *Object) UnmarshalJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var members map[string]any
	if err := decoder.Decode(&members); err != nil {
		return err
	}
	*o = members
	return nil
}

// Encode makes the whole document of an entity of this package: its JSON and the fields that answers never show, which have
// the tag `stored:"name"`. The document holds hashes, tokens and encrypted secrets as they are stored.
func Encode(entity any) ([]byte, error) {
	value := reflect.Indirect(reflect.ValueOf(entity))
	if value.Kind() != reflect.Struct {
		return nil, fmt.Errorf("model: cannot encode %T: it is not an entity", entity)
	}
	data, err := json.Marshal(value.Interface())
	if err != nil || !hides(value.Type()) {
		return data, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return nil, err
	}
	for index := range value.NumField() {
		field := value.Type().Field(index)
		name := strings.Split(field.Tag.Get("json"), ",")[0]
		switch stored := field.Tag.Get("stored"); {
		case stored == "-":
			delete(members, name)
		case stored != "":
			if members[stored], err = json.Marshal(value.Field(index).Interface()); err != nil {
				return nil, err
			}
		case nested(field.Type) && !value.Field(index).IsNil():
			if members[name], err = Encode(value.Field(index).Interface()); err != nil {
				return nil, err
			}
		}
	}
	return json.Marshal(members)
}

// Decode reads a document into an entity of this package. Unknown members are passed over.
func Decode(document []byte, entity any) error {
	pointer := reflect.ValueOf(entity)
	if pointer.Kind() != reflect.Pointer || pointer.IsNil() || pointer.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("model: cannot decode into %T: it is no pointer to an entity", entity)
	}
	if err := json.Unmarshal(document, entity); err != nil {
		return err
	}
	value := pointer.Elem()
	if !hides(value.Type()) {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(document, &members); err != nil {
		return err
	}
	for index := range value.NumField() {
		field := value.Type().Field(index)
		switch stored := field.Tag.Get("stored"); {
		case stored == "-":
			value.Field(index).SetZero()
		case stored != "" && members[stored] != nil:
			if err := json.Unmarshal(members[stored], value.Field(index).Addr().Interface()); err != nil {
				return fmt.Errorf("%s: %w", stored, err)
			}
		case nested(field.Type) && !value.Field(index).IsNil():
			name := strings.Split(field.Tag.Get("json"), ",")[0]
			if err := Decode(members[name], value.Field(index).Interface()); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// hides tells whether entities of this type have fields that are not in their JSON.
func hides(entity reflect.Type) bool {
	for index := range entity.NumField() {
		field := entity.Field(index)
		if field.Tag.Get("stored") != "" || nested(field.Type) {
			return true
		}
	}
	return false
}

// nested tells whether a field points to an entity that hides something.
func nested(field reflect.Type) bool {
	return field.Kind() == reflect.Pointer && field.Elem().Kind() == reflect.Struct &&
		field.Elem() != reflect.TypeFor[time.Time]() && hides(field.Elem())
}
