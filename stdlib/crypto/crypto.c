/* crypto.c - natives of crypto/...: the kernels of hash functions, from OpenSSL's libcrypto, and the
 * system's random numbers.
 *
 * libcrypto is loaded when a hash is first computed (D11), once a process, and never unloaded. Its
 * contexts live on the C stack for the length of one call: the script's digest holds the chaining
 * value only, so a racing script cannot bring a context out of order. What a call needs of them is
 * part of libcrypto's stable interface: the structures below have been the same since OpenSSL 0.9.
 * A call takes whole blocks, at most one piece of them.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "runtime/cell.h"
#include "runtime/native.h"
#include "runtime/proc.h"
#include "runtime/sched.h"

enum { PIECE = 65536, RANDOM_PIECE = 256 };

/* As openssl/md5.h and openssl/sha.h have them; SHA-1 has one word of state more than MD5. */
typedef struct Md5 { uint32_t h[4], nl, nh, data[16]; unsigned num; } Md5;
typedef struct Sha1 { uint32_t h[5], nl, nh, data[16]; unsigned num; } Sha1;
typedef struct Sha256 { uint32_t h[8], nl, nh, data[16]; unsigned num, len; } Sha256;
typedef struct Sha512 { uint64_t h[8], nl, nh, data[16]; unsigned num, len; } Sha512;

typedef int (*Update)(void *ctx, const void *data, size_t n);

/* By Kind.Code of crypto/internal/digest. */
enum { MD5, SHA1, SHA256, SHA512, KERNELS };
static const struct {
    const char *symbol;
    unsigned words, block;
} kernels[KERNELS] = {
    {"MD5_Update", 4, 64}, {"SHA1_Update", 5, 64}, {"SHA256_Update", 8, 64}, {"SHA512_Update", 8, 128}};

static Update update[KERNELS]; /* written by load, once; NULL without libcrypto */
static pthread_once_t loaded = PTHREAD_ONCE_INIT;

static void load(void)
{
    static const char *const names[] = {"libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so"};
    void *lib = NULL;
    for (size_t i = 0; !lib && i < sizeof names / sizeof names[0]; i++) {
        lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    }
    for (int k = 0; lib && k < KERNELS; k++) {
        void *at = dlsym(lib, kernels[k].symbol);
        memcpy(&update[k], &at, sizeof at);
    }
}

static void run32(int code, Update fn, uint64_t *h, const uint8_t *data, size_t n)
{
    union {
        Md5 md5;
        Sha1 sha1;
        Sha256 sha256;
    } c;
    memset(&c, 0, sizeof c);
    c.sha256.len = 32 * (code == SHA256);
    for (unsigned i = 0; i < kernels[code].words; i++) {
        c.sha256.h[i] = (uint32_t)h[i];
    }
    fn(&c, data, n);
    for (unsigned i = 0; i < kernels[code].words; i++) {
        h[i] = c.sha256.h[i];
    }
}

static void run64(Update fn, uint64_t *h, const uint8_t *data, size_t n)
{
    Sha512 c;
    memset(&c, 0, sizeof c);
    c.len = 64;
    memcpy(c.h, h, sizeof c.h);
    fn(&c, data, n);
    memcpy(h, c.h, sizeof c.h);
}

/* blocks(code int, h *[8]uint64, p []byte): whole blocks, at most a piece */
static NativeStatus n_blocks(P *p, Slot *fp)
{
    int64_t code = fp[0].i;
    uint8_t *state = fp[1].p;
    Slice s = slot_slice(fp + 2);
    if (code < 0 || code >= KERNELS) {
        return native_panic_plain(p, "crypto: unknown hash function");
    }
    pthread_once(&loaded, load);
    if (!update[code]) {
        return native_panic_plain(p, "crypto: libcrypto.so.3 was not found (Debian package libssl3)");
    }
    size_t n = s.len < PIECE ? s.len : PIECE;
    uint64_t h[8];
    n -= n % kernels[code].block;
    for (int i = 0; i < 8; i++) {
        h[i] = mem_load64(state + 8 * i);
    }
    if (code == SHA512) {
        run64(update[code], h, s.ptr, n);
    } else {
        run32((int)code, update[code], h, s.ptr, n);
    }
    for (int i = 0; i < 8; i++) {
        mem_store64(state + 8 * i, h[i]);
    }
    return NATIVE_OK;
}

/* fill(p []byte) int: random bytes of the system; how many, at most RANDOM_PIECE, or -1 */
static NativeStatus n_fill(P *p, Slot *fp)
{
    Slice s = slot_slice(fp + 1);
    uint8_t buf[RANDOM_PIECE];
    size_t n = s.len < RANDOM_PIECE ? s.len : RANDOM_PIECE;
    ssize_t got;
    do {
        got = getrandom(buf, n, 0);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        mem_copy(s.ptr, buf, (size_t)got);
    }
    fp[0].i = got;
    return NATIVE_OK;
}

/* equal(x, y []byte) int: 1 if they are equal, in a time that only their length decides */
static NativeStatus n_equal(P *p, Slot *fp)
{
    Slice x = slot_slice(fp + 1), y = slot_slice(fp + 3);
    uint8_t differ = 0;
    if (x.len != y.len) {
        return NATIVE_OK;
    }
    for (uint32_t i = 0; i < x.len && i < PIECE; i++) {
        differ |= mem_load8(x.ptr + i) ^ mem_load8(y.ptr + i);
    }
    fp[0].i = 1 & ((differ - 1) >> 8);
    return NATIVE_OK;
}

/* xor(dst, x, y []byte): the length of the shortest, at most a piece */
static NativeStatus n_xor(P *p, Slot *fp)
{
    Slice dst = slot_slice(fp), x = slot_slice(fp + 2), y = slot_slice(fp + 4);
    uint32_t n = dst.len < x.len ? dst.len : x.len;
    n = n < y.len ? n : y.len;
    for (uint32_t i = 0; i < n && i < PIECE; i++) {
        mem_store8(dst.ptr + i, mem_load8(x.ptr + i) ^ mem_load8(y.ptr + i));
    }
    return NATIVE_OK;
}

const NativeDef natives_crypto[] = {
    {"crypto/internal/digest", "blocks", "func(code int, h *[8]uint64, p []byte)", "kernels", n_blocks},
    {"crypto/rand", "fill", "func(p []byte) int", "the system's random bytes", n_fill},
    {"crypto/subtle", "equal", "func(x, y []byte) int", "comparison in constant time", n_equal},
    {"crypto/subtle", "xor", "func(dst, x, y []byte)", "dst = x ^ y", n_xor},
    {0},
};
