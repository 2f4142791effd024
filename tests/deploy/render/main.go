// render writes what `helm template` would write for a chart without dependencies: Debian has no Helm, and its templates are Go's with
// sprig's functions and the few below.
//
//	render CHART RELEASE NAMESPACE [VALUES…]
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v2"
)

type object = map[string]interface{}

// plain makes of a YAML value what JSON would give, as Helm does: keys are texts, numbers are float64.
func plain(value interface{}) interface{} {
	switch v := value.(type) {
	case map[interface{}]interface{}:
		out := object{}
		for key, element := range v {
			out[fmt.Sprint(key)] = plain(element)
		}
		return out
	case []interface{}:
		out := make([]interface{}, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	case int:
		return float64(v)
	}
	return value
}

func parse(text []byte) (interface{}, error) {
	var value interface{}
	err := yaml.Unmarshal(text, &value)
	return plain(value), err
}

// whole turns float64 without a fraction back into integers: 19664, not 19664.0.
func whole(value interface{}) interface{} {
	switch v := value.(type) {
	case object:
		out := object{}
		for key, element := range v {
			out[key] = whole(element)
		}
		return out
	case []interface{}:
		out := make([]interface{}, len(v))
		for i := range v {
			out[i] = whole(v[i])
		}
		return out
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return value
}

func toYaml(value interface{}) (string, error) {
	text, err := yaml.Marshal(whole(value))
	return strings.TrimSuffix(string(text), "\n"), err
}

// merge lays over onto under; a null takes a key away.
func merge(under, over object) object {
	for key, value := range over {
		inner, isObject := value.(object)
		below, wasObject := under[key].(object)
		switch {
		case value == nil:
			delete(under, key)
		case isObject && wasObject:
			under[key] = merge(below, inner)
		default:
			under[key] = value
		}
	}
	return under
}

type files struct{ chart string }

func (f files) Get(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(f.chart, name))
	return string(text), err
}

func functions(root *template.Template) template.FuncMap {
	functions := sprig.TxtFuncMap()
	delete(functions, "env")
	delete(functions, "expandenv")
	functions["toYaml"] = toYaml
	functions["fromYaml"] = func(text string) (object, error) {
		value, err := parse([]byte(text))
		out, _ := value.(object)
		return out, err
	}
	functions["fromYamlArray"] = func(text string) ([]interface{}, error) {
		value, err := parse([]byte(text))
		out, _ := value.([]interface{})
		return out, err
	}
	functions["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := root.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	functions["tpl"] = func(text string, data interface{}) (string, error) {
		inner, err := template.Must(root.Clone()).New("tpl").Parse(text)
		if err != nil {
			return "", err
		}
		var out bytes.Buffer
		err = inner.Execute(&out, data)
		return out.String(), err
	}
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, errors.New(message)
		}
		return value, nil
	}
	functions["lookup"] = func(...string) object { return object{} }
	return functions
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

func read(path string) object {
	text, err := os.ReadFile(path)
	must(err)
	value, err := parse(text)
	must(err)
	out, isObject := value.(object)
	if !isObject {
		must(fmt.Errorf("%s is no map", path))
	}
	return out
}

func main() {
	if len(os.Args) < 4 {
		must(errors.New("usage: render CHART RELEASE NAMESPACE [VALUES…]"))
	}
	chart := os.Args[1]
	values := read(filepath.Join(chart, "values.yaml"))
	for _, path := range os.Args[4:] {
		values = merge(values, read(path))
	}
	described := object{}
	for key, value := range read(filepath.Join(chart, "Chart.yaml")) {
		described[strings.ToUpper(key[:1])+key[1:]] = value
	}
	data := object{
		"Values": values, "Chart": described, "Files": files{chart},
		"Release":      object{"Name": os.Args[2], "Namespace": os.Args[3], "Service": "Helm", "IsInstall": true, "IsUpgrade": false, "Revision": 1},
		"Capabilities": object{"KubeVersion": object{"Version": "v1.30.0", "Major": "1", "Minor": "30"}, "APIVersions": []string{}},
	}
	paths, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	must(err)
	sort.Strings(paths)
	root := template.New("chart").Option("missingkey=zero")
	root.Funcs(functions(root))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		must(err)
		_, err = root.New(filepath.Base(path)).Parse(string(text))
		must(err)
	}
	rendered := object{}
	for _, path := range paths {
		name := filepath.Base(path)
		if strings.HasPrefix(name, "_") {
			continue
		}
		var out bytes.Buffer
		must(root.ExecuteTemplate(&out, name, data))
		rendered[name] = strings.ReplaceAll(out.String(), "<no value>", "")
	}
	must(json.NewEncoder(os.Stdout).Encode(object{"values": values, "templates": rendered}))
}
