package api

import (
	"fmt"
	"reflect"
	"time"
)

// Mirror makes of a noun its answer, and of an answer its noun: fields of the same name are the same, but a time in one is whole seconds
// since 1970 in the other. Fields that the other does not have stay empty. It is how the command line reads answers back.
func Mirror[To any](from any) To {
	var to To
	mirror(reflect.ValueOf(&to).Elem(), reflect.ValueOf(from))
	return to
}

var timeType = reflect.TypeFor[time.Time]()

func mirror(to, from reflect.Value) {
	switch {
	case from.Kind() == reflect.Pointer:
		mirrorPointer(to, from)
	case from.Type() == timeType && to.Kind() == reflect.Int64:
		to.SetInt(from.Interface().(time.Time).Unix())
	case to.Type() == timeType && from.Kind() == reflect.Int64:
		to.Set(reflect.ValueOf(time.Unix(from.Int(), 0).UTC()))
	case from.Type() == to.Type():
		to.Set(from)
	case from.Kind() == reflect.Struct && to.Kind() == reflect.Struct:
		mirrorStruct(to, from)
	case from.Kind() == reflect.Slice && to.Kind() == reflect.Slice && from.Type().Elem() != to.Type().Elem():
		mirrorSlice(to, from)
	case from.CanConvert(to.Type()):
		to.Set(from.Convert(to.Type()))
	default:
		panic(fmt.Sprintf("api: %s is no mirror of %s", to.Type(), from.Type())) // a test goes through all pairs
	}
}

func mirrorPointer(to, from reflect.Value) {
	if from.IsNil() {
		return
	}
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(to.Type().Elem()))
		to = to.Elem()
	}
	mirror(to, from.Elem())
}

func mirrorStruct(to, from reflect.Value) {
	for i := range to.NumField() {
		if field := from.FieldByName(to.Type().Field(i).Name); field.IsValid() {
			mirror(to.Field(i), field)
		}
	}
}

// mirrorSlice keeps nil and empty apart, as lists left out and empty lists are in JSON.
func mirrorSlice(to, from reflect.Value) {
	if from.IsNil() {
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), from.Len(), from.Len()))
	for i := range from.Len() {
		mirror(to.Index(i), from.Index(i))
	}
}
