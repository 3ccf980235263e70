#!/usr/bin/env python3
"""Writes golden.h: bytes of frames, links and segment headers, worked out from core/FORMAT.md alone.

Nothing here is shared with core: the CRC goes bit by bit, XXH3 follows its specification on whole numbers of any size.

    python3 tests/core/golden.py > tests/core/golden.h
"""

MASK64 = (1 << 64) - 1


# --- CRC32C ------------------------------------------------------------------------------------------------------------

def crc(seed, data):
    register = seed ^ 0xFFFFFFFF
    for byte in data:
        for bit in range(8):
            carry = (register ^ byte >> bit) & 1
            register = register >> 1 ^ (0x82F63B78 if carry else 0)
    return register ^ 0xFFFFFFFF


# --- XXH3-64, seed 0 ---------------------------------------------------------------------------------------------------

SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e")
P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1, P64_2, P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P64_4, P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def u32(data, at):
    return int.from_bytes(data[at:at + 4], "little")


def u64(data, at):
    return int.from_bytes(data[at:at + 8], "little")


def fold(a, b):
    product = a * b
    return (product & MASK64) ^ product >> 64


def rotate(value, by):
    return (value << by | value >> 64 - by) & MASK64


def swap64(value):
    return int.from_bytes(value.to_bytes(8, "little"), "big")


def avalanche(h):
    h = (h ^ h >> 37) * 0x165667919E3779F9 & MASK64
    return h ^ h >> 32


def avalanche64(h):
    h = (h ^ h >> 33) * P64_2 & MASK64
    h = (h ^ h >> 29) * P64_3 & MASK64
    return h ^ h >> 32


def mix16(data, at, secret_at):
    return fold(u64(data, at) ^ u64(SECRET, secret_at), u64(data, at + 8) ^ u64(SECRET, secret_at + 8))


def xxh3_short(data):
    n = len(data)
    if n == 0:
        return avalanche64(u64(SECRET, 56) ^ u64(SECRET, 64))
    if n <= 3:
        combined = data[0] << 16 | data[n >> 1] << 24 | data[n - 1] | n << 8
        return avalanche64(combined ^ u32(SECRET, 0) ^ u32(SECRET, 4))
    if n <= 8:
        h = u32(data, n - 4) + (u32(data, 0) << 32) ^ u64(SECRET, 8) ^ u64(SECRET, 16)
        h ^= rotate(h, 49) ^ rotate(h, 24)
        h = h * 0x9FB21C651E98DF25 & MASK64
        h = (h ^ (h >> 35) + n) * 0x9FB21C651E98DF25 & MASK64
        return h ^ h >> 28
    low = u64(data, 0) ^ u64(SECRET, 24) ^ u64(SECRET, 32)
    high = u64(data, n - 8) ^ u64(SECRET, 40) ^ u64(SECRET, 48)
    return avalanche(n + swap64(low) + high + fold(low, high) & MASK64)


def xxh3_middle(data):
    n = len(data)
    h = n * P64_1
    if n <= 128:
        for i in range((n - 1) // 32 + 1):
            h += mix16(data, 16 * i, 32 * i) + mix16(data, n - 16 * (i + 1), 32 * i + 16)
        return avalanche(h & MASK64)
    for i in range(8):
        h += mix16(data, 16 * i, 16 * i)
    h = avalanche(h & MASK64)
    for i in range(8, n // 16):
        h += mix16(data, 16 * i, 16 * (i - 8) + 3)
    h += mix16(data, n - 16, 136 - 17)
    return avalanche(h & MASK64)


def xxh3_long(data):
    lanes = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1]

    def stripe(at, secret_at):
        for i in range(8):
            value = u64(data, at + 8 * i)
            key = value ^ u64(SECRET, secret_at + 8 * i)
            lanes[i ^ 1] = lanes[i ^ 1] + value & MASK64
            lanes[i] = lanes[i] + (key & 0xFFFFFFFF) * (key >> 32) & MASK64

    per_block = (len(SECRET) - 64) // 8
    stripes = (len(data) - 1) // 64
    for i in range(stripes):
        stripe(64 * i, 8 * (i % per_block))
        if i % per_block == per_block - 1:
            for lane in range(8):
                h = lanes[lane]
                lanes[lane] = (h ^ h >> 47 ^ u64(SECRET, len(SECRET) - 64 + 8 * lane)) * P32_1 & MASK64
    stripe(len(data) - 64, len(SECRET) - 64 - 7)
    h = len(data) * P64_1
    for i in range(4):
        h += fold(lanes[2 * i] ^ u64(SECRET, 11 + 16 * i), lanes[2 * i + 1] ^ u64(SECRET, 19 + 16 * i))
    return avalanche(h & MASK64)


def xxh3(data):
    return xxh3_short(data) if len(data) <= 16 else xxh3_middle(data) if len(data) <= 240 else xxh3_long(data)


assert len(SECRET) == 192
assert xxh3(b"") == 0x2D06800538D394C2


# --- The format --------------------------------------------------------------------------------------------------------

def le(value, size):
    return value.to_bytes(size, "little")


LOG_ID = bytes(range(0x10, 0x20))
NUMBER, SALT, NONCE = 7, 0x0123456789ABCDEF, 0xCAFEF00D
SEGMENT_SEED = crc(0, LOG_ID + le(NUMBER, 8) + le(SALT, 8))
BASE_SEED = crc(SEGMENT_SEED, le(NONCE, 4))
BLOCK = 512


def frame(kind, flags, offset, durable, sequence, payload):
    left = BLOCK - offset % BLOCK - 28 - len(payload)
    padding = -len(payload) % 4
    if left - padding < 40:
        padding = left
    seed = crc(SEGMENT_SEED if kind == 8 else BASE_SEED, le(offset // 4, 4))
    fields = le(len(payload), 2) + le(kind, 1) + le(flags, 1) + le(offset // 4, 4) + le(durable // 4, 4) + le(sequence, 4)
    fields = le((xxh3(payload) ^ xxh3(fields)) & 0xFFFFFFFF ^ seed, 4) + fields
    rest = le(crc(crc(SEGMENT_SEED, le(offset // 4, 4)), fields), 4) + fields + payload + bytes(padding)
    return le(crc(seed, rest), 4) + rest


def link(base, predecessor, end, carried, low_water, epoch, nonce, chain):
    return b"".join(le(value, 8) for value in (base, predecessor, end, carried, low_water, epoch)) + le(nonce, 4) + \
        le(chain, 4)


def segment_header(version, features, block, unit, previous, size, log_id, number, salt):
    checked = le(version, 2) + bytes(2) + b"".join(le(mask, 4) for mask in features) + le(block, 4) + le(unit, 4) + \
        le(previous, 4) + le(size, 8) + log_id + le(number, 8) + le(salt, 8) + bytes(16)
    return b"kaya-wal" + le(crc(0, checked), 4) + checked


# --- The vectors -------------------------------------------------------------------------------------------------------

def pattern(length):
    return bytes((i * 37 + 11) % 256 for i in range(length))


CHAIN = crc(0, le(0x11223344, 4) + le(0x55667788, 4) + le(0x3F00, 8))
LINK = (1000, 6, 0x3F00, 0x400, 900, 3, NONCE, CHAIN)

#          name          type flags offset durable sequence payload
FRAMES = [
    ("link",              8, 0, 0x200, 0x000, 0, link(*LINK)),
    ("full",              1, 1, 0x400, 0x400, 0, b"hello, log"),
    ("empty",             1, 3, 0x600, 0x404, 1, b""),
    ("batch",             1, 5, 0x600, 0x580, 2, le(3 * 8 + 1, 4) + b"abc" + le(0 * 8 + 2, 4) + le(1 * 8 + 4, 4) + b"z"),
    ("room behind it",    1, 4, 0x60C, 0x600, 5, pattern(430)),
    ("to the block's end", 1, 4, 0x60C, 0x600, 5, pattern(433)),
    ("the whole block",   1, 2, 0x800, 0x7FC, 6, pattern(484)),
    ("first",             2, 1, 0xA00, 0x000, 7, le(960, 8) + pattern(476)),
    ("middle",            3, 0, 0xC00, 0x800, 7, pattern(484)),
    ("last",              4, 0, 0xE00, 0x800, 7, b"\x00"),
    ("pad",               5, 0, 0xE20, 0x800, 8, bytes(452)),
    ("watermark",         6, 0, 0xF00, 0xF00, 8, b""),
    ("close",             7, 0, 0xF1C, 0xF1C, 8, b""),
    ("trim",              9, 0, 0xF38, 0xF00, 8, le(990, 8)),
    ("skippable",      0x80, 0, 0x3FFFFE00, 0x3FFFFE00, 0xFFFFFFFF, b"later"),
]

HEADERS = [
    ("small", (1, (0, 0, 0), 512, 0, 0, 4096, LOG_ID, NUMBER, SALT)),
    ("large", (1, (0, 0x80000001, 0xFFFFFFFF), 32768, 65536, 0xDEADBEEF, 1 << 30, LOG_ID, 1 << 63, MASK64)),
]

LENGTHS = [0, 1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 32, 33, 64, 65, 96, 97, 128, 129, 144, 200, 239, 240, 241, 256, 257, 1023,
           1024, 1025, 1088, 2048, 2049, 5000, 32740, 65508]


def quoted(data):
    text = data.hex()
    parts = [text[at:at + 96] for at in range(0, len(text), 96)] or [""]
    return "\n     ".join('"' + part + '"' for part in parts)


def main():
    print("/* Written by golden.py; do not edit. Bytes that the format fixes, worked out apart from the code. */")
    print("/* clang-format off */")
    print("#ifndef TESTS_CORE_GOLDEN_H\n#define TESTS_CORE_GOLDEN_H\n")
    print("#include <stdint.h>\n")
    print(f'#define GOLDEN_LOG_ID "{LOG_ID.hex()}"')
    print(f"#define GOLDEN_NUMBER UINT64_C({NUMBER})\n#define GOLDEN_SALT UINT64_C(0x{SALT:x})")
    print(f"#define GOLDEN_NONCE UINT32_C(0x{NONCE:x})\n#define GOLDEN_SEGMENT_SEED UINT32_C(0x{SEGMENT_SEED:08x})")
    print(f"#define GOLDEN_BASE_SEED UINT32_C(0x{BASE_SEED:08x})\n#define GOLDEN_BLOCK_BYTES {BLOCK}\n")

    print("/* A predecessor with chain 0x11223344 and base seed 0x55667788, ended at 0x3f00. */")
    print(f"#define GOLDEN_CHAIN UINT32_C(0x{CHAIN:08x})\n")
    print("/* base LSN, predecessor, its end, carried end, low-water mark, epoch, nonce, chain */")
    print("#define GOLDEN_LINK_FIELDS {" + ", ".join(f"{value:#x}U" for value in LINK) + "}")
    print(f"#define GOLDEN_LINK \\\n     " + quoted(link(*LINK)).replace("\n", " \\\n") + "\n")

    print("static const struct golden_frame {\n    const char *name;\n    uint8_t type, flags;\n"
          "    uint64_t offset_bytes, durable_bytes;\n    uint32_t sequence;\n    const char *payload, *bytes;\n"
          "} GOLDEN_FRAMES[] = {")
    for name, kind, flags, offset, durable, sequence, payload in FRAMES:
        print(f'    {{"{name}", {kind}, {flags}, {offset:#x}, {durable:#x}, {sequence:#x},')
        print(f"     {quoted(payload)},\n     {quoted(frame(kind, flags, offset, durable, sequence, payload))}}},")
    print("};\n")

    print("static const struct golden_header {\n    const char *name;\n    uint16_t version;\n"
          "    uint32_t incompatible, read_compatible, compatible, block_bytes, unit_bytes, previous_seed;\n"
          "    uint64_t segment_bytes, number, salt;\n    const char *bytes;\n} GOLDEN_HEADERS[] = {")
    for name, fields in HEADERS:
        version, features, block, unit, previous, size, _, number, salt = fields
        masks = ", ".join(f"{mask:#x}U" for mask in features)
        print(f'    {{"{name}", {version}, {masks}, {block}, {unit}, {previous:#x}U, {size:#x}U, {number:#x}U, {salt:#x}U,')
        print(f"     {quoted(segment_header(*fields))}}},")
    print("};\n")

    print("/* Over the bytes (i * 37 + 11) % 256. */")
    print("static const struct golden_check {\n    uint32_t length, crc, check;\n} GOLDEN_CHECKS[] = {")
    for length in LENGTHS:
        data = pattern(length)
        print(f"    {{{length}, 0x{crc(0, data):08x}U, 0x{xxh3(data) & 0xFFFFFFFF:08x}U}},")
    print("};\n")
    print("#endif")


main()
