/* Keccak-256 and calldata for the guest, next to CPython in its module (docs/wasm-runtime.md, section 9).
 *
 * `_host.call(frame)` reaches `door_call`. Frames with the top bit of byte 0 set are answered here, from nothing but the
 * frame and the objects that it names; all others go on to the host. A frame that begins a calldata operation carries
 * the addresses of the objects that the SDK and this file must agree on (struct names).
 *
 * Calldata is done here only if it is plain and valid: otherwise the answer is empty, and the SDK does the same in
 * Python, which has the errors and their texts. Nothing here has state: no data section, no table.
 */

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

typedef struct object {
    int references;
    struct object *type;
} object;

typedef struct { /* an instance of the SDK's Address: its slots in the order of their names */
    object head;
    object *as_hex, *as_bytes;
} address;

/* CPython 3.15 and what is linked into it. Grafting finds them by these names. */
extern int host_door_call(const u8 *frame, u32 size, u8 **answer, u32 *answer_size);
extern void *malloc(u32 size);
extern void *realloc(void *old, u32 size);
extern void free(void *old);
extern int memcmp(const void *left, const void *right, u32 size);
extern void _Py_DecRef(object *x);
extern void PyErr_Clear(void);
extern object *PyBytes_FromStringAndSize(const u8 *data, int size);
extern int PyBytes_AsStringAndSize(object *x, u8 **data, int *size);
extern object *PyDict_New(void);
extern object *PyDict_Keys(object *x);
extern int PyDict_SetItem(object *x, object *key, object *value);
extern int PyDict_GetItemRef(object *x, object *key, object **value);
extern object *PyList_New(int count);
extern int PyList_Append(object *x, object *item);
extern object *PyList_GetItemRef(object *x, int index);
extern int PyList_SetItem(object *x, int index, object *item);
extern int PyList_Size(object *x);
extern int PyList_Sort(object *x);
extern int PyTuple_Size(object *x);
extern object *PyTuple_GetItem(object *x, int index);
extern i64 PyLong_AsLongLongAndOverflow(object *x, int *overflow);
extern int PyLong_AsNativeBytes(object *x, void *room, int size, int flags);
extern object *PyLong_FromLongLong(i64 x);
extern object *PyLong_FromNativeBytes(const void *data, u32 size, int flags);
extern const u8 *PyUnicode_AsUTF8AndSize(object *x, int *size);
extern object *PyUnicode_DecodeUTF8(const u8 *data, int size, const char *errors);
extern object *PyType_GenericAlloc(object *type, int count);
extern object *PyObject_CallOneArg(object *function, object *x);
extern void _Py_LibHacl_Hacl_Hash_SHA3_update_multi_sha3(u8 kind, u64 *state, const u8 *blocks, u32 count);

enum { KECCAK = 0x80, ENCODE = 0x81, DECODE = 0x82 };
enum { SPECIAL = 0, POSITIVE = 1, NEGATIVE = 2, BYTES = 3, TEXT = 4, ARRAY = 5, MAP = 6 };
enum { NONE = 0x00, FALSE = 0x08, TRUE = 0x10, ADDRESS = 0x18 };
enum { SMALL_NUMBER_SIZE = 9 }; /* bytes of ULEB128 that fit an i64 */
enum { ADDRESS_SIZE = 20, DEPTH_MAX = 100, KEYS_MAX = 64, LITTLE_ENDIAN_BYTES = 1 };
enum { SHA3_256 = 8, RATE = 136, DIGEST_SIZE = 32 }; /* HACL's number of SHA3-256; its rate is Keccak-256's too */

/* What the SDK and this file agree on, after the first byte of a calldata frame; `subject` is the value to encode or
 * the list that gets what was decoded. */
typedef struct __attribute__((packed)) {
    object *none, *false_, *true_;
    object *integer, *text, *bytes, *list, *tuple, *map, *address; /* types */
    object *plain; /* a function: gives a value of the types above for one of another type */
    object *subject;
} names;

typedef struct {
    u8 *start, *at, *end;
} writer;

typedef struct {
    const u8 *text;
    u32 size;
    object *key;
} seen;

typedef struct {
    const u8 *at, *end;
    const names *known;
    seen keys[KEYS_MAX]; /* map keys that were made, as records in a list repeat them */
} reader;

static void copy(u8 *to, const u8 *from, u32 size) { __builtin_memcpy(to, from, size); }

/* ---- writing ---- */

static u8 *room(writer *out, u32 size)
{
    if ((u32)(out->end - out->at) < size) {
        u32 used = (u32)(out->at - out->start), total = (used + size) * 2;
        if (size > 0x20000000 || used > 0x20000000)
            return 0;
        u8 *moved = realloc(out->start, total);
        if (!moved)
            return 0;
        *out = (writer){moved, moved + used, moved + total};
    }
    u8 *place = out->at;
    out->at += size;
    return place;
}

static int put_number(writer *out, u64 number)
{
    u8 *to = room(out, 10);
    if (!to)
        return 0;
    for (; number > 0x7f; number >>= 7)
        *to++ = (u8)(number | 0x80);
    *to++ = (u8)number;
    out->at = to;
    return 1;
}

static int put_run(writer *out, u64 head, const u8 *data, u32 size)
{
    u8 *to = put_number(out, head) ? room(out, size) : 0;
    if (to)
        copy(to, data, size);
    return to != 0;
}

/* Two's complement of any size to ULEB128: the first byte holds 4 bits of the number over the tag, all others 7. */
static int put_long(writer *out, object *x)
{
    int size = PyLong_AsNativeBytes(x, 0, 0, LITTLE_ENDIAN_BYTES);
    u8 *raw = size > 0 ? malloc((u32)size + 1) : 0;
    if (!raw || PyLong_AsNativeBytes(x, raw, size, LITTLE_ENDIAN_BYTES) < 0) {
        free(raw);
        return 0;
    }
    u8 flip = raw[size - 1] & 0x80 ? 0xff : 0;
    for (int i = 0; i < size; i++)
        raw[i] ^= flip;
    raw[size] = 0;
    int top = size - 1;
    while (top > 0 && !raw[top])
        top--;
    u32 bits = (u32)top * 8 + (raw[top] ? 32 - (u32)__builtin_clz(raw[top]) : 0);
    u32 groups = bits > 4 ? (bits - 4 + 6) / 7 : 0;
    u8 *to = room(out, groups + 1);
    if (to) {
        *to = (u8)((raw[0] & 15) << 3 | (flip ? NEGATIVE : POSITIVE));
        for (u32 at = 4; groups; groups--, at += 7) {
            *to++ |= 0x80;
            *to = (u8)((raw[at / 8] | raw[at / 8 + 1] << 8) >> at % 8 & 0x7f);
        }
    }
    free(raw);
    return to != 0;
}

static int put(writer *out, const names *known, object *x, int depth);

static int put_integer(writer *out, object *x)
{
    int overflow;
    i64 value = PyLong_AsLongLongAndOverflow(x, &overflow);
    if (overflow || value >= 1LL << 60 || value < -(1LL << 60))
        return put_long(out, x);
    return put_number(out, value >= 0 ? (u64)value << 3 | POSITIVE : (u64)~value << 3 | NEGATIVE);
}

static int put_array(writer *out, const names *known, object *x, int depth)
{
    int is_list = x->type == known->list;
    int count = is_list ? PyList_Size(x) : PyTuple_Size(x);
    int done = put_number(out, (u64)count << 3 | ARRAY);
    for (int i = 0; done && i < count; i++) {
        object *item = is_list ? PyList_GetItemRef(x, i) : PyTuple_GetItem(x, i);
        done = item && put(out, known, item, depth);
        if (is_list && item)
            _Py_DecRef(item);
    }
    return done;
}

static int put_entry(writer *out, const names *known, object *x, object *key, int depth)
{
    int size;
    const u8 *text = key->type == known->text ? PyUnicode_AsUTF8AndSize(key, &size) : 0;
    object *value = 0;
    if (!text || !put_run(out, (u64)size, text, (u32)size) || PyDict_GetItemRef(x, key, &value) != 1)
        return 0;
    int done = put(out, known, value, depth);
    _Py_DecRef(value);
    return done;
}

static int put_map(writer *out, const names *known, object *x, int depth)
{
    object *keys = PyDict_Keys(x);
    if (!keys)
        return 0;
    int done = PyList_Sort(keys) == 0, count = PyList_Size(keys);
    done = done && put_number(out, (u64)count << 3 | MAP);
    for (int i = 0; done && i < count; i++) {
        object *key = PyList_GetItemRef(keys, i);
        done = key && put_entry(out, known, x, key, depth);
        if (key)
            _Py_DecRef(key);
    }
    _Py_DecRef(keys);
    return done;
}

static int put_address(writer *out, const names *known, object *x)
{
    object *raw = ((address *)x)->as_bytes;
    u8 *data = 0;
    int size;
    return raw && raw->type == known->bytes && PyBytes_AsStringAndSize(raw, &data, &size) == 0
        && put_run(out, ADDRESS, data, (u32)size);
}

static int put_bytes(writer *out, object *x)
{
    u8 *data = 0;
    int size;
    return PyBytes_AsStringAndSize(x, &data, &size) == 0 && put_run(out, (u64)size << 3 | BYTES, data, (u32)size);
}

static int put_text(writer *out, object *x)
{
    int size;
    const u8 *data = PyUnicode_AsUTF8AndSize(x, &size);
    return data && put_run(out, (u64)size << 3 | TEXT, data, (u32)size);
}

static int put_other(writer *out, const names *known, object *x, int depth)
{
    object *plain = PyObject_CallOneArg(known->plain, x);
    int done = plain && put(out, known, plain, depth);
    if (plain)
        _Py_DecRef(plain);
    return done;
}

static int put(writer *out, const names *known, object *x, int depth)
{
    object *type = x->type;
    if (depth > DEPTH_MAX)
        return 0;
    if (type == known->text)
        return put_text(out, x);
    if (type == known->integer)
        return put_integer(out, x);
    if (x == known->none || x == known->false_ || x == known->true_)
        return put_number(out, x == known->none ? NONE : x == known->true_ ? TRUE : FALSE);
    if (type == known->map)
        return put_map(out, known, x, depth + 1);
    if (type == known->list || type == known->tuple)
        return put_array(out, known, x, depth + 1);
    if (type == known->bytes)
        return put_bytes(out, x);
    if (type == known->address)
        return put_address(out, known, x);
    return put_other(out, known, x, depth + 1);
}

/* ---- reading ---- */

static object *take(reader *in, int depth);

/* Where the number at `at` ends; 0 if it is cut off or not in its shortest form. */
static const u8 *number_end(const reader *in)
{
    const u8 *last = in->at;
    while (last < in->end && *last > 0x7f)
        last++;
    return last == in->end || (!*last && last > in->at) ? 0 : last + 1;
}

static int take_number(reader *in, u64 *number)
{
    if (in->at < in->end && *in->at < 0x80) {
        *number = *in->at++;
        return 1;
    }
    const u8 *end = number_end(in);
    if (!end || end - in->at > SMALL_NUMBER_SIZE)
        return 0;
    *number = 0;
    for (u32 shift = 0; in->at < end; shift += 7)
        *number |= (u64)(*in->at++ & 0x7f) << shift;
    return 1;
}

static object *take_long(reader *in, const u8 *end)
{
    u32 size = (u32)(end - in->at) + 1, carried = 0, bits = 4, tag = *in->at & 7;
    u8 flip = tag == NEGATIVE ? 0xff : 0, *raw = malloc(size), *to = raw;
    if (!raw)
        return 0;
    carried = (*in->at++ >> 3) & 15;
    for (; in->at < end; bits += 7) {
        carried |= (u32)(*in->at++ & 0x7f) << bits;
        if (bits + 7 >= 8) {
            *to++ = (u8)carried ^ flip;
            carried >>= 8;
            bits -= 8;
        }
    }
    *to++ = (u8)carried ^ flip;
    *to++ = flip;
    object *value = PyLong_FromNativeBytes(raw, (u32)(to - raw), LITTLE_ENDIAN_BYTES);
    free(raw);
    return value;
}

/* Take `size` bytes; 0 if there are fewer. */
static const u8 *take_run(reader *in, u64 size)
{
    if (size > (u64)(in->end - in->at))
        return 0;
    in->at += size;
    return in->at - size;
}

static object *take_array(reader *in, u64 count, int depth)
{
    object *list = count <= (u64)(in->end - in->at) ? PyList_New((int)count) : 0;
    for (int i = 0; list && i < (int)count; i++) {
        object *item = take(in, depth);
        if (!item) {
            _Py_DecRef(list);
            return 0;
        }
        PyList_SetItem(list, i, item);
    }
    return list;
}

/* Keys are compared as bytes: the order of UTF-8 is the order of code points. */
static int in_order(const u8 *left, u32 left_size, const u8 *right, u32 right_size)
{
    int compared = memcmp(left, right, left_size < right_size ? left_size : right_size);
    return compared < 0 || (!compared && left_size < right_size);
}

/* The key with this text, borrowed: it is kept until the reader is done or another takes its place. */
static object *take_key(reader *in, const u8 *text, u32 size)
{
    u32 mixed = size ? size * 31 + text[0] * 7 + text[size / 2] * 5 + text[size - 1] : 0;
    seen *place = &in->keys[mixed % KEYS_MAX];
    if (place->key && place->size == size && !memcmp(place->text, text, size))
        return place->key;
    if (place->key)
        _Py_DecRef(place->key);
    *place = (seen){text, size, PyUnicode_DecodeUTF8(text, (int)size, 0)};
    return place->key;
}

static int take_entry(reader *in, object *map, const u8 *text, u32 size, int depth)
{
    object *value = take(in, depth);
    object *key = value ? take_key(in, text, size) : 0;
    int done = key && PyDict_SetItem(map, key, value) == 0;
    if (value)
        _Py_DecRef(value);
    return done;
}

static object *take_map(reader *in, u64 count, int depth)
{
    object *map = count <= (u64)(in->end - in->at) ? PyDict_New() : 0;
    const u8 *last = 0;
    u64 last_size = 0, size;
    for (; map && count; count--) {
        const u8 *key = take_number(in, &size) ? take_run(in, size) : 0;
        if (!key || (last && !in_order(last, (u32)last_size, key, (u32)size))
            || !take_entry(in, map, key, (u32)size, depth)) {
            _Py_DecRef(map);
            return 0;
        }
        last = key;
        last_size = size;
    }
    return map;
}

static object *take_address(reader *in)
{
    const u8 *data = take_run(in, ADDRESS_SIZE);
    object *raw = data ? PyBytes_FromStringAndSize(data, ADDRESS_SIZE) : 0;
    address *made = raw ? (address *)PyType_GenericAlloc(in->known->address, 0) : 0;
    if (made) {
        made->as_hex = in->known->none;
        made->as_bytes = raw;
    } else if (raw)
        _Py_DecRef(raw);
    return (object *)made;
}

static object *take_special(reader *in, u64 head)
{
    if (head == ADDRESS)
        return take_address(in);
    /* These three are immortal, so they need no reference of their own. */
    return head == NONE ? in->known->none : head == TRUE ? in->known->true_ : head == FALSE ? in->known->false_ : 0;
}

static object *take(reader *in, int depth)
{
    u64 head;
    const u8 *data;
    if (depth > DEPTH_MAX || in->at == in->end)
        return 0;
    u32 tag = *in->at & 7;
    if (!take_number(in, &head)) {
        const u8 *end = number_end(in);
        return end && (tag == POSITIVE || tag == NEGATIVE) ? take_long(in, end) : 0;
    }
    u64 number = head >> 3;
    switch (tag) {
    case SPECIAL:
        return take_special(in, head);
    case POSITIVE:
        return PyLong_FromLongLong((i64)number);
    case NEGATIVE:
        return PyLong_FromLongLong(~(i64)number);
    case BYTES:
        data = take_run(in, number);
        return data ? PyBytes_FromStringAndSize(data, (int)number) : 0;
    case TEXT:
        data = take_run(in, number);
        return data ? PyUnicode_DecodeUTF8(data, (int)number, 0) : 0;
    case ARRAY:
        return take_array(in, number, depth + 1);
    case MAP:
        return take_map(in, number, depth + 1);
    }
    return 0;
}

/* ---- operations ---- */

static void keccak(const u8 *data, u32 size, u8 **answer, u32 *answer_size)
{
    u64 state[25] = {0};
    u8 last[RATE] = {0};
    u32 count = size / RATE, rest = size % RATE;
    _Py_LibHacl_Hacl_Hash_SHA3_update_multi_sha3(SHA3_256, state, data, count);
    copy(last, data + count * RATE, rest);
    last[rest] = 0x01; /* SHA3-256 has 0x06 here, and that is the whole difference */
    last[RATE - 1] |= 0x80;
    _Py_LibHacl_Hacl_Hash_SHA3_update_multi_sha3(SHA3_256, state, last, 1);
    if ((*answer = malloc(DIGEST_SIZE))) {
        copy(*answer, (const u8 *)state, DIGEST_SIZE);
        *answer_size = DIGEST_SIZE;
    }
}

static void encode(const names *known, u8 **answer, u32 *answer_size)
{
    u8 *start = malloc(256);
    writer out = {start, start, start ? start + 256 : 0};
    if (start && put(&out, known, known->subject, 0)) {
        *answer = out.start;
        *answer_size = (u32)(out.at - out.start);
        return;
    }
    free(out.start);
    PyErr_Clear();
}

static void decode(const names *known, const u8 *data, const u8 *end)
{
    reader in = {data, end, known, {{0, 0, 0}}};
    object *value = take(&in, 0);
    for (int i = 0; i < KEYS_MAX; i++)
        if (in.keys[i].key)
            _Py_DecRef(in.keys[i].key);
    if (value && in.at == end)
        PyList_Append(known->subject, value);
    if (value)
        _Py_DecRef(value);
    PyErr_Clear();
}

int door_call(const u8 *frame, u32 size, u8 **answer, u32 *answer_size)
{
    if (!size || *frame < KECCAK)
        return host_door_call(frame, size, answer, answer_size);
    *answer = 0;
    *answer_size = 0;
    const names *known = (const names *)(frame + 1);
    if (*frame == KECCAK)
        keccak(frame + 1, size - 1, answer, answer_size);
    else if (*frame == ENCODE && size == 1 + sizeof(names))
        encode(known, answer, answer_size);
    else if (*frame == DECODE && size > 1 + sizeof(names))
        decode(known, frame + 1 + sizeof(names), frame + size);
    return 0;
}
