package plan

import (
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// choices turns bytes, of a fuzzer or at random, into decisions. When they are used up
// the answer is 0.
type choices struct {
	src []byte
}

// below returns a number from 0 to n-1.
func (c *choices) below(n int) int {
	if len(c.src) == 0 {
		return 0
	}
	b := c.src[0]
	c.src = c.src[1:]
	return int(b) % n
}

func (c *choices) word() (n uint64) {
	// Most numbers of interest are 0, or next to a power of two.
	switch c.below(4) {
	case 0:
		return 0
	case 1, 2:
		n = 1 << c.below(65)
		n += uint64(int64(c.below(5) - 2))
	default:
		for range 8 {
			n = n<<8 | uint64(c.below(256))
		}
	}
	if c.below(3) == 0 {
		n = -n
	}
	return n
}

func (c *choices) text() []byte {
	b := make([]byte, []int{0, 1, 3, 31, 32, 33, 255, 256, 300}[c.below(9)])
	for i := range min(len(b), 4) {
		b[i] = byte(c.below(256))
	}
	return b
}

// Types that reflection cannot make, without a difference in how they are encoded.
type (
	namedInt    int32
	namedString string
	namedBytes  []byte
	namedMap    map[string]string
	namedList   []namedString
	tree        struct {
		Name  string `msgpack:"name,omitempty"`
		Left  *tree  `msgpack:",omitempty"`
		Right *tree
		More  []tree `msgpack:"more"`
		By    map[int8]tree
	}
	inner struct {
		A int `msgpack:"a"`
		B string
	}
	deeper struct {
		inner
		C float32 `msgpack:",omitempty"`
	}
	embeds struct {
		deeper
		D bool
	}
	embedsPointer struct {
		*inner
		D bool `msgpack:",omitempty"`
	}
	embedsPointerPlainly struct {
		Z int
		*inner
	}
	// Exported is embedded by pointers that v5 can set, too.
	Exported struct {
		A int `msgpack:"a"`
		B []string
	}
	embedsExported struct {
		Z int
		*Exported
	}
	embedsTwice struct {
		*EmbedsOnce
		C string
	}
	embedsByValue struct {
		E int
		EmbedsOnce
	}
	EmbedsOnce struct {
		D int
		*Exported
	}
	shadows struct {
		A int `msgpack:"a"`
		inner
	}
	shadowedInner struct {
		inner
		A int `msgpack:"a"`
	}
	forced struct {
		A     int `msgpack:"a"`
		inner `msgpack:",inline"`
	}
	apart struct {
		inner `msgpack:"i,noinline"`
		D     bool
	}
	aliased struct {
		A int `msgpack:"a,alias:alpha"`
		B int `msgpack:"'quoted, name'"`
		C int `msgpack:"alias:gamma"`
	}
	inOrder struct {
		_msgpack struct{} `msgpack:",as_array"`
		A        uint8
		B        *string
		C        []any
	}
	sparse struct {
		_msgpack struct{} `msgpack:",omitempty"`
		A        uint8
		B        *string
		C        []any
		D        time.Time
		E        inner
		F        struct{ X int }
		G        any
	}
	wide20 struct {
		A0, A1, A2, A3, A4, A5, A6, A7, A8, A9     int `msgpack:",omitempty"`
		B0, B1, B2, B3, B4, B5, B6, B7, B8, B9, C0 int8
		D0, D1, D2, D3                             string `msgpack:",omitempty"`
	}
	unexportedName int
	oddEmbeds      struct {
		unexportedName
		time.Duration
	}
	byV5      struct{ N int }
	bytesOfV5 struct{ b byte }
)

func (v byV5) EncodeMsgpack(e *msgpack.Encoder) error { return e.EncodeMulti([]any{v.N, "v5"}) }
func (v *byV5) DecodeMsgpack(d *msgpack.Decoder) error {
	n, err := d.DecodeArrayLen()
	if err != nil || n != 2 {
		return fmt.Errorf("array of %d: %w", n, err)
	}
	return d.DecodeMulti(&v.N, new(string))
}

func (v *bytesOfV5) MarshalMsgpack() ([]byte, error) { return []byte{0xcc, v.b}, nil }
func (v *bytesOfV5) UnmarshalMsgpack(b []byte) error {
	if len(b) != 2 {
		return fmt.Errorf("%d bytes", len(b))
	}
	v.b = b[1]
	return nil
}

// Fields that only their tags are for, and a name.
var _ = []any{inOrder{}._msgpack, sparse{}._msgpack, oddEmbeds{}.unexportedName}

var named = []reflect.Type{
	reflect.TypeFor[time.Time](), reflect.TypeFor[any](), reflect.TypeFor[error](), reflect.TypeFor[[]byte](),
	reflect.TypeFor[namedInt](), reflect.TypeFor[namedString](), reflect.TypeFor[namedBytes](), reflect.TypeFor[namedMap](),
	reflect.TypeFor[namedList](), reflect.TypeFor[tree](), reflect.TypeFor[embeds](), reflect.TypeFor[embedsPointer](),
	reflect.TypeFor[embedsPointerPlainly](), reflect.TypeFor[embedsExported](), reflect.TypeFor[embedsTwice](), reflect.TypeFor[embedsByValue](),
	reflect.TypeFor[shadows](), reflect.TypeFor[shadowedInner](), reflect.TypeFor[forced](),
	reflect.TypeFor[apart](), reflect.TypeFor[aliased](), reflect.TypeFor[inOrder](), reflect.TypeFor[sparse](),
	reflect.TypeFor[wide20](), reflect.TypeFor[oddEmbeds](), reflect.TypeFor[byV5](), reflect.TypeFor[bytesOfV5](),
	reflect.TypeFor[map[string]any](), reflect.TypeFor[map[any]any](), reflect.TypeFor[map[string]bool](), reflect.TypeFor[[]any](),
	reflect.TypeFor[msgpack.RawMessage](), reflect.TypeFor[fmt.Stringer](),
}

var scalars = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[string](), reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
	reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](),
}

// typ chooses a type.
func (c *choices) typ(depth int) reflect.Type {
	kind := c.below(8)
	if depth == 0 {
		kind %= 3
	}
	switch kind {
	case 0, 1:
		return scalars[c.below(len(scalars))]
	case 2:
		return named[c.below(len(named))]
	case 3:
		return reflect.PointerTo(c.typ(depth - 1))
	case 4:
		return reflect.SliceOf(c.typ(depth - 1))
	case 5:
		return reflect.ArrayOf(c.below(4), c.typ(depth-1))
	case 6:
		return reflect.MapOf(scalars[c.below(len(scalars))], c.typ(depth-1))
	}
	return c.structType(depth - 1)
}

func (c *choices) structType(depth int) reflect.Type {
	var fields []reflect.StructField
	if c.below(6) == 0 {
		fields = append(fields, reflect.StructField{
			Name: "_msgpack", PkgPath: "plan", Type: reflect.TypeFor[struct{}](), Tag: `msgpack:",as_array"`,
		})
	}
	for i := range 1 + c.below(5) {
		f := reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: c.typ(depth)}
		switch c.below(6) {
		case 1:
			f.Tag = `msgpack:",omitempty"`
		case 2:
			f.Tag = reflect.StructTag(fmt.Sprintf(`msgpack:"name of %d"`, i))
		case 3:
			f.Tag = `msgpack:"-"`
		case 4:
			f.Tag = reflect.StructTag(fmt.Sprintf(`msgpack:"n%d,omitempty,alias:a%d"`, i, i))
		case 5:
			f.Tag = `json:"other"`
		}
		fields = append(fields, f)
	}
	return reflect.StructOf(fields)
}

// fill chooses a value. Maps get at most one element, so that their bytes have one order.
func (c *choices) fill(v reflect.Value, depth int) {
	if v.Type() == timeType {
		v.Set(reflect.ValueOf(time.Unix(int64(c.word())>>c.below(64), int64(c.word()%1e9))))
		return
	}
	if depth == 0 || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(c.below(2) == 1)
	case reflect.String:
		v.SetString(string(c.text()))
	case reflect.Float32, reflect.Float64:
		f := float64(int64(c.word())) / float64(1+c.below(3))
		if c.below(8) == 0 {
			f = math.Float64frombits(c.word())
		}
		v.SetFloat(f)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(c.word()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(c.word())
	case reflect.Pointer:
		if c.below(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			c.fill(v.Elem(), depth-1)
		}
	case reflect.Slice:
		c.fillSlice(v, depth)
	case reflect.Array:
		for i := range v.Len() {
			c.fill(v.Index(i), depth-1)
		}
	case reflect.Map:
		if c.below(4) == 0 {
			return
		}
		v.Set(reflect.MakeMap(v.Type()))
		if c.below(4) > 0 {
			key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			c.fillKey(key)
			c.fill(elem, depth-1)
			v.SetMapIndex(key, elem)
		}
	case reflect.Interface:
		c.fillInterface(v, depth)
	case reflect.Struct:
		for i := range v.NumField() {
			c.fill(v.Field(i), depth-1)
		}
	}
}

func (c *choices) fillSlice(v reflect.Value, depth int) {
	if v.Type() == reflect.TypeFor[msgpack.RawMessage]() {
		v.SetBytes([]byte{0x92, 1, 0xc0})
		return
	}
	if c.below(4) == 0 {
		return
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes(c.text())
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), []int{0, 1, 2, 3, 15, 16, 17}[c.below(7)], 20))
	for i := range v.Len() {
		c.fill(v.Index(i), depth-1)
	}
}

func (c *choices) fillKey(v reflect.Value) {
	if v.Kind() == reflect.Interface {
		v.Set(reflect.ValueOf("key"))
		return
	}
	c.fill(v, 1)
}

func (c *choices) fillInterface(v reflect.Value, depth int) {
	switch v.Type() {
	case errorType:
		v.Set(reflect.ValueOf(fmt.Errorf("error %d", c.below(9))))
	case anyType:
		if c.below(5) == 0 {
			return
		}
		t := c.typ(1)
		if t.Kind() == reflect.Interface || t == reflect.TypeFor[bytesOfV5]() {
			return // v5 does not find its methods without an address
		}
		held := reflect.New(t).Elem()
		c.fill(held, depth-1)
		v.Set(held)
	}
}
