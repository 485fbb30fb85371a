// Reads corpus entries as Go programs do: `read struct|stream`. The first decodes the whole input
// into structs, the second one value of a stream. Lines in and out as in read.py.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
)

type entry struct {
	Layer   string      `json:"layer"`
	Bytes   string      `json:"bytes"`
	Base64  *string     `json:"base64"`
	Headers [][2]string `json:"headers"`
	Schema  string      `json:"schema"`
}

type message struct {
	JSONRPC *string   `json:"jsonrpc"`
	ID      any       `json:"id"`
	Method  *string   `json:"method"`
	Params  *params   `json:"params"`
	Result  *result   `json:"result"`
	Error   *rpcError `json:"error"`
}

type params struct {
	Name      *string `json:"name"`
	URI       *string `json:"uri"`
	Cursor    *string `json:"cursor"`
	Arguments any     `json:"arguments"`
	RequestID any     `json:"requestId"`
	Meta      *meta   `json:"_meta"`
	Ref       *ref    `json:"ref"`
}

type meta struct {
	Version       *string `json:"io.modelcontextprotocol/protocolVersion"`
	ProgressToken any     `json:"progressToken"`
}

type ref struct {
	Type *string `json:"type"`
	Name *string `json:"name"`
	URI  *string `json:"uri"`
}

type result struct {
	Tools []tool `json:"tools"`
}

type tool struct {
	Name        *string      `json:"name"`
	Description *string      `json:"description"`
	InputSchema any          `json:"inputSchema"`
	Annotations *annotations `json:"annotations"`
}

type annotations struct {
	DestructiveHint *bool `json:"destructiveHint"`
}

type rpcError struct {
	Code    *int64  `json:"code"`
	Message *string `json:"message"`
}

// view makes the structs into plain values, without what is nil.
func view(m any) any {
	encoded, _ := json.Marshal(m)
	var plain any
	_ = json.Unmarshal(encoded, &plain)
	return withoutNil(plain)
}

func withoutNil(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			if member == nil {
				delete(v, key)
			} else {
				v[key] = withoutNil(member)
			}
		}
	case []any:
		for i, element := range v {
			v[i] = withoutNil(element)
		}
	}
	return value
}

func render(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		if v == math.Trunc(v) {
			return big.NewFloat(v).Text('f', 0)
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return text(v)
	case []any:
		parts := make([]string, len(v))
		for i, element := range v {
			parts[i] = render(element)
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		for i, key := range keys {
			keys[i] = text(key) + ":" + render(v[key])
		}
		return "{" + strings.Join(keys, ",") + "}"
	}
	return fmt.Sprint(value)
}

func text(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, unit := range utf16.Encode([]rune(s)) {
		short := strings.IndexByte("\"\\\b\f\n\r\t", byte(unit))
		switch {
		case unit < 0x80 && short >= 0:
			out.WriteString([]string{`\"`, `\\`, `\b`, `\f`, `\n`, `\r`, `\t`}[short])
		case unit < 0x20 || unit >= 0x7f:
			fmt.Fprintf(&out, "\\u%04x", unit)
		default:
			out.WriteByte(byte(unit))
		}
	}
	return out.String() + `"`
}

func readMessage(parser string, data []byte) (string, error) {
	decode := func(into any) error { return json.Unmarshal(data, into) }
	if parser == "stream" {
		decode = func(into any) error { return json.NewDecoder(bytes.NewReader(data)).Decode(into) }
	}
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '[' {
		var batch []message
		err := decode(&batch)
		return render(view(batch)), err
	}
	var one message
	err := decode(&one)
	return render(view(one)), err
}

func readHeader(e entry) (string, error) {
	headers := http.Header{}
	for _, pair := range e.Headers {
		headers.Add(pair[0], pair[1])
	}
	found := map[string]any{}
	for _, name := range []string{"MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Mcp-Param-X"} {
		if len(headers.Values(name)) == 0 {
			continue
		}
		value := strings.TrimSpace(headers.Get(name))
		if len(value) > 10 && strings.HasPrefix(value, "=?base64?") && strings.HasSuffix(value, "?=") {
			decoded, err := base64.StdEncoding.DecodeString(value[9 : len(value)-2])
			if err != nil {
				return "", err
			}
			value = string(decoded)
		}
		found[name] = value
		if name == "Mcp-Param-X" && strings.Contains(e.Schema, "integer") {
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return "", err
			}
			found[name] = number
		}
	}
	return render(found), nil
}

func read(parser string, e entry) (string, error) {
	data := []byte(e.Bytes)
	if e.Base64 != nil {
		data, _ = base64.StdEncoding.DecodeString(*e.Base64)
	}
	switch {
	case e.Layer == "message" || e.Layer == "surface":
		return readMessage(parser, data)
	case parser != "struct" || e.Layer == "sse":
		return "", nil
	case e.Layer == "header":
		return readHeader(e)
	}
	var all []string
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		if one, err := readMessage("struct", lines.Bytes()); err == nil {
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		return "nothing", nil
	}
	return strings.Join(all, " "), nil
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)
	for in.Scan() {
		var e entry
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			panic(err)
		}
		one, err := read(os.Args[1], e)
		if err != nil {
			fmt.Println("null")
			continue
		}
		encoded, _ := json.Marshal(one)
		fmt.Println(string(encoded))
	}
}
