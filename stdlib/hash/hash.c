/* hash.c - natives of hash/...: checksums and FNV over bytes. Pure functions; a call takes at most
 * one piece, and the gol code calls again with the rest. maphash mixes words by folded products
 * (the idea of wyhash): fast, good for tables, not for secrets. */
#include <pthread.h>
#include <string.h>

#include "runtime/cell.h"
#include "runtime/native.h"

enum { PIECE = 65536, ADLER = 65521 };

static uint32_t piece(Slice s) { return s.len < PIECE ? s.len : PIECE; }

/* crc32.update(crc uint32, table *Table, p []byte) (crc uint32): the table of any polynomial */
static NativeStatus n_crc32(struct P *p, Slot *fp)
{
    uint32_t crc = ~(uint32_t)fp[1].u;
    const uint8_t *table = fp[2].p;
    Slice s = slot_slice(fp + 3);
    for (uint32_t i = 0, n = piece(s); i < n; i++) {
        crc = mem_load32(table + 4 * ((crc ^ mem_load8(s.ptr + i)) & 255)) ^ crc >> 8;
    }
    fp[0].u = (uint32_t)~crc;
    return NATIVE_OK;
}

/* The IEEE polynomial by eight tables (slicing by 8, Kounavis and Berry 2005). */
static uint32_t ieee[8][256];
static pthread_once_t ieee_made = PTHREAD_ONCE_INIT;

static void make_ieee(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) {
            c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        }
        ieee[0][i] = c;
    }
    for (int k = 1; k < 8; k++) {
        for (int i = 0; i < 256; i++) {
            ieee[k][i] = ieee[0][ieee[k - 1][i] & 255] ^ ieee[k - 1][i] >> 8;
        }
    }
}

static NativeStatus n_crc32_ieee(struct P *p, Slot *fp)
{
    uint32_t crc = ~(uint32_t)fp[1].u, i = 0;
    Slice s = slot_slice(fp + 2);
    uint32_t n = piece(s);
    pthread_once(&ieee_made, make_ieee);
    for (; i + 8 <= n; i += 8) {
        uint8_t b[8];
        mem_copy(b, s.ptr + i, 8);
        uint32_t lo, hi;
        memcpy(&lo, b, 4);
        memcpy(&hi, b + 4, 4);
        lo ^= crc;
        crc = ieee[7][lo & 255] ^ ieee[6][lo >> 8 & 255] ^ ieee[5][lo >> 16 & 255] ^
              ieee[4][lo >> 24] ^ ieee[3][hi & 255] ^ ieee[2][hi >> 8 & 255] ^
              ieee[1][hi >> 16 & 255] ^ ieee[0][hi >> 24];
    }
    for (; i < n; i++) {
        crc = ieee[0][(crc ^ mem_load8(s.ptr + i)) & 255] ^ crc >> 8;
    }
    fp[0].u = (uint32_t)~crc;
    return NATIVE_OK;
}

/* crc64.update(crc uint64, table *Table, p []byte) uint64 */
static NativeStatus n_crc64(struct P *p, Slot *fp)
{
    uint64_t crc = ~fp[1].u;
    const uint8_t *table = fp[2].p;
    Slice s = slot_slice(fp + 3);
    for (uint32_t i = 0, n = piece(s); i < n; i++) {
        crc = mem_load64(table + 8 * ((crc ^ mem_load8(s.ptr + i)) & 255)) ^ crc >> 8;
    }
    fp[0].u = ~crc;
    return NATIVE_OK;
}

/* adler32.update(sum uint32, p []byte) uint32 */
static NativeStatus n_adler(struct P *p, Slot *fp)
{
    uint32_t a = fp[1].u & 0xffff, b = (uint32_t)fp[1].u >> 16;
    Slice s = slot_slice(fp + 2);
    for (uint32_t i = 0, n = piece(s); i < n;) {
        uint32_t end = n - i > 5552 ? i + 5552 : n; /* as many as cannot overflow 32 bits */
        for (; i < end; i++) {
            a += mem_load8(s.ptr + i);
            b += a;
        }
        a %= ADLER;
        b %= ADLER;
    }
    fp[0].u = b << 16 | a;
    return NATIVE_OK;
}

/* fnv.update(hi, lo uint64, p []byte, bits int, xorFirst bool) (hi, lo uint64) */
static NativeStatus n_fnv(struct P *p, Slot *fp)
{
    uint64_t hi = fp[2].u, lo = fp[3].u;
    Slice s = slot_slice(fp + 4);
    int64_t bits = fp[6].i;
    bool first = (fp[7].u & 1) != 0;
    uint32_t n = piece(s);
    if (bits == 128) {
        const unsigned __int128 prime = (unsigned __int128)1 << 88 | 0x13b;
        unsigned __int128 h = (unsigned __int128)hi << 64 | lo;
        for (uint32_t i = 0; i < n; i++) {
            uint8_t c = mem_load8(s.ptr + i);
            h = first ? (h ^ c) * prime : (h * prime) ^ c;
        }
        fp[0].u = (uint64_t)(h >> 64);
        fp[1].u = (uint64_t)h;
        return NATIVE_OK;
    }
    uint64_t prime = bits == 32 ? 16777619 : UINT64_C(1099511628211);
    uint64_t mask = bits == 32 ? UINT32_MAX : UINT64_MAX;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t c = mem_load8(s.ptr + i);
        lo = first ? (lo ^ c) * prime : (lo * prime) ^ c;
    }
    fp[1].u = lo & mask;
    return NATIVE_OK;
}

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 r = (unsigned __int128)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

#define K0 UINT64_C(0xa0761d6478bd642f)
#define K1 UINT64_C(0xe7037ed1a0b428db)

/* maphash.mix(state uint64, p []byte) uint64: any split of the bytes in whole blocks of 16 gives the
 * same; the last block may be short */
static NativeStatus n_mix(struct P *p, Slot *fp)
{
    uint64_t h = fp[1].u;
    Slice s = slot_slice(fp + 2);
    uint32_t n = piece(s);
    for (uint32_t i = 0; i < n; i += 16) {
        uint8_t b[16] = {0};
        uint64_t v[2];
        uint32_t left = n - i < 16 ? n - i : 16;
        mem_copy(b, s.ptr + i, left);
        memcpy(v, b, 16);
        h = fold(v[0] ^ K0 ^ h, v[1] ^ K1 ^ ((uint64_t)left << 56));
    }
    fp[0].u = h;
    return NATIVE_OK;
}

const NativeDef natives_hash[] = {
    {"hash/crc32", "update", "func(crc uint32, table *Table, p []byte) uint32", "CRC", n_crc32},
    {"hash/crc32", "updateIEEE", "func(crc uint32, p []byte) uint32", "CRC", n_crc32_ieee},
    {"hash/crc64", "update", "func(crc uint64, table *Table, p []byte) uint64", "CRC", n_crc64},
    {"hash/adler32", "update", "func(sum uint32, p []byte) uint32", "Adler-32", n_adler},
    {"hash/fnv", "update", "func(hi, lo uint64, p []byte, bits int, xorFirst bool) (uint64, uint64)",
     "FNV", n_fnv},
    {"hash/maphash", "mix", "func(state uint64, p []byte) uint64", "mixes bytes in", n_mix},
    {0},
};
