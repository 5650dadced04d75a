// Command modelcheck is the Go half of the test that entities go between the Rust models and package model without loss.
//
//	modelcheck echo      reads {"kind", "document"} lines, decodes and encodes each, and writes the lines again
//	modelcheck fill      writes entities of every kind with all fields set, in three variants
//	modelcheck compare   reads such lines and fails if one is not the entity that fill made
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"sort"
	"time"

	"github.com/semaphore-rs/semaphore/go/model"
)

type line struct {
	Kind     string          `json:"kind"`
	Variant  int             `json:"variant,omitempty"`
	Document json.RawMessage `json:"document"`
}

// kinds has a zero entity of each kind.
var kinds = map[string]any{
	"user":                      model.User{},
	"user_totp":                 model.UserTotp{},
	"user_email_otp":            model.UserEmailOtp{},
	"project":                   model.Project{},
	"project_user":              model.ProjectUser{},
	"project_invite":            model.ProjectInvite{},
	"role":                      model.Role{},
	"template_role":             model.TemplateRole{},
	"access_key":                model.AccessKey{},
	"secret_storage":            model.SecretStorage{},
	"repository":                model.Repository{},
	"inventory":                 model.Inventory{},
	"environment":               model.Environment{},
	"template":                  model.Template{},
	"template_vault":            model.TemplateVault{},
	"view":                      model.View{},
	"task":                      model.Task{},
	"task_params":               model.TaskParams{},
	"task_output":               model.TaskOutput{},
	"task_stage":                model.TaskStage{},
	"schedule":                  model.Schedule{},
	"integration":               model.Integration{},
	"integration_matcher":       model.IntegrationMatcher{},
	"integration_extract_value": model.IntegrationExtractValue{},
	"integration_alias":         model.IntegrationAlias{},
	"runner":                    model.Runner{},
	"session":                   model.Session{},
	"api_token":                 model.APIToken{},
	"event":                     model.Event{},
	"option":                    model.Option{},
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "modelcheck:", err)
		os.Exit(1)
	}
}

func run(arguments []string, input io.Reader, output io.Writer) error {
	if len(arguments) != 1 {
		return errors.New("expected one of echo, fill, compare")
	}
	writer := bufio.NewWriter(output)
	defer writer.Flush()
	encoder := json.NewEncoder(writer)
	switch arguments[0] {
	case "echo":
		return each(input, func(found line, entity any) error {
			document, err := model.Encode(entity)
			if err != nil {
				return err
			}
			return encoder.Encode(line{found.Kind, found.Variant, document})
		})
	case "fill":
		return fill(encoder)
	case "compare":
		return each(input, func(found line, entity any) error {
			expected := filled(found.Kind, found.Variant).Interface()
			if !reflect.DeepEqual(entity, expected) {
				return fmt.Errorf("it came back as %+v instead of %+v", reflect.ValueOf(entity).Elem(), reflect.ValueOf(expected).Elem())
			}
			return nil
		})
	default:
		return fmt.Errorf("%q is none of echo, fill, compare", arguments[0])
	}
}

// each decodes the lines of input.
func each(input io.Reader, use func(line, any) error) error {
	decoder := json.NewDecoder(input)
	for {
		var found line
		if err := decoder.Decode(&found); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		kind, known := kinds[found.Kind]
		if !known {
			return fmt.Errorf("%q is no kind", found.Kind)
		}
		entity := reflect.New(reflect.TypeOf(kind)).Interface()
		err := model.Decode(found.Document, entity)
		if err == nil {
			err = use(found, entity)
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", found.Kind, found.Document, err)
		}
	}
}

func fill(encoder *json.Encoder) error {
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for variant := 1; variant <= 3; variant++ {
			document, err := model.Encode(filled(name, variant).Interface())
			if err != nil {
				return err
			}
			if err := encoder.Encode(line{name, variant, document}); err != nil {
				return err
			}
		}
	}
	return nil
}

// filled is an entity with every field set; in the second variant pointers point to zeros, in the third they are nil.
func filled(kind string, variant int) reflect.Value {
	entity := reflect.New(reflect.TypeOf(kinds[kind]))
	number := 0
	set(entity.Elem(), variant, &number)
	if task, is := entity.Interface().(*model.Task); is {
		// Tasks know ten statuses; other fields of texts take any.
		task.Status = []string{"waiting", "stopping", "success"}[variant-1]
	}
	if session, is := entity.Interface().(*model.Session); is {
		session.VerificationMethod = variant - 1
	}
	return entity
}

func set(value reflect.Value, variant int, number *int) {
	*number++
	switch into := value.Addr().Interface().(type) {
	case *time.Time:
		*into = time.Date(2026, 1, 2, 3, 4, *number%60, variant*1000+*number, time.UTC)
		return
	case *json.RawMessage:
		*into = json.RawMessage(fmt.Sprintf(`{"number":%d}`, *number))
		return
	case *model.Object:
		*into = model.Object{
			"text": fmt.Sprint("\u0000 ä <&> \U0001f600 ", *number), "big": json.Number("9223372036854775807"), "fraction": json.Number("1.5"),
			"list": []any{nil, true, json.Number("-1")}, "object": map[string]any{},
		}
		return
	}
	switch value.Kind() {
	case reflect.Bool:
		value.SetBool(variant == 1)
	case reflect.Int, reflect.Int64:
		value.SetInt(int64(*number * variant))
	case reflect.String:
		value.SetString(fmt.Sprintf("text %d \"\\ \n \u2028 ö", *number))
	case reflect.Pointer:
		if variant < 3 {
			value.Set(reflect.New(value.Type().Elem()))
			if variant == 1 || value.Elem().Kind() == reflect.Struct {
				set(value.Elem(), variant, number)
			}
		}
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 2, 2))
		for index := range value.Len() {
			set(value.Index(index), variant, number)
		}
	case reflect.Struct:
		for index := range value.NumField() {
			if value.Type().Field(index).Tag.Get("stored") != "-" {
				set(value.Field(index), variant, number)
			}
		}
	default:
		panic(fmt.Sprint("no filling for ", value.Type()))
	}
}
