/* slice.c - make, append, copy. See slice.h. */
#include "runtime/slice.h"

#include "runtime/rtypes.h"

#include <assert.h>

/* The sizes that Go's allocator rounds small requests to; cap() after append shows them. */
static const uint16_t go_sizes[] = {
    8,     16,    24,    32,    48,    64,    80,    96,    112,   128,   144,   160,   176,
    192,   208,   224,   240,   256,   288,   320,   352,   384,   416,   448,   480,   512,
    576,   640,   704,   768,   896,   1024,  1152,  1280,  1408,  1536,  1792,  2048,  2304,
    2688,  3072,  3200,  3456,  4096,  4864,  5120,  5376,  6144,  6528,  6784,  6912,  8192,
    9472,  9728,  10240, 10880, 12288, 13568, 14336, 16384, 18432, 19072, 20480, 21760, 24576,
    27264, 28672, 32768};

uint64_t slice_round_size(uint64_t size, bool noscan)
{
    /* Go keeps an 8-byte type word in front of pointerful objects above 512 bytes. */
    uint64_t extra = !noscan && size > 512 ? 8 : 0;
    if (size == 0) {
        return 0;
    }
    if (size + extra > 32768 - 8) {
        if (size + extra <= 32768 && extra == 0 && size <= 32760) {
            return 32768;
        }
        return size > UINT64_MAX - 8191 ? size : (size + 8191) & ~(uint64_t)8191;
    }
    unsigned lo = 0, hi = sizeof(go_sizes) / sizeof(go_sizes[0]) - 1;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (go_sizes[mid] >= size + extra) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }
    return go_sizes[lo] - extra;
}

uint64_t slice_next_cap(const RType *elem, uint64_t old_cap, uint64_t need)
{
    uint64_t cap = old_cap;
    if (need > old_cap * 2) {
        cap = need;
    } else if (old_cap < 256) {
        cap = old_cap * 2;
    } else {
        while (cap < need) {
            cap += (cap + 3 * 256) / 4;
        }
    }
    uint64_t bytes;
    if (elem->size == 0) {
        return need;
    }
    if (__builtin_mul_overflow(cap, elem->size, &bytes)) {
        return cap;
    }
    return slice_round_size(bytes, elem->flags & RT_NOPTR) / elem->size;
}

bool slice_make(struct P *p, const RType *elem, int64_t len, int64_t cap, Slice *out)
{
    /* Go's order: a length that alone is too much is reported as such. */
    uint64_t limit = elem->size ? ((uint64_t)1 << 47) / elem->size : SLICE_MAX;
    limit = limit > SLICE_MAX ? SLICE_MAX : limit;
    if (len < 0 || (uint64_t)len > limit) {
        op_fail(p, OP_LEN_RANGE, NULL);
        return false;
    }
    if (cap < len || (uint64_t)cap > limit) {
        op_fail(p, OP_CAP_RANGE, NULL);
        return false;
    }
    void *ptr = heap_alloc(p, elem, (size_t)cap);
    if (!ptr) {
        return false;
    }
    *out = (Slice){ptr, (uint32_t)len, (uint32_t)cap};
    return true;
}

bool slice_grow(struct P *p, const RType *elem, Slice s, uint64_t add, Slice *out)
{
    uint64_t need = s.len + add;
    if (need <= s.cap) {
        *out = s;
        return true;
    }
    if (add > SLICE_MAX || need > SLICE_MAX) {
        op_fail(p, OP_GROW_RANGE, NULL);
        return false;
    }
    uint64_t cap = slice_next_cap(elem, s.cap, need);
    cap = cap > SLICE_MAX ? SLICE_MAX : cap;
    uint8_t *ptr;
    if ((elem->flags & RT_NOPTR) && elem->size) {
        uint64_t bytes, used = s.len * elem->size;
        ptr = __builtin_mul_overflow(cap, elem->size, &bytes) ? heap_alloc(p, elem, cap)
                                                               : heap_alloc_raw(p, bytes);
        if (ptr) {
            mem_zero(ptr + used, bytes - used);
        }
    } else {
        ptr = heap_alloc(p, elem, cap);
    }
    if (!ptr) {
        return false;
    }
    heap_copy_fresh(ptr, s.ptr, elem, s.len);
    *out = (Slice){ptr, s.len, (uint32_t)cap};
    return true;
}

bool slice_append(struct P *p, const RType *elem, Slice s, const void *src, uint64_t n, Slice *out)
{
    Slice r;
    if (!slice_grow(p, elem, s, n, &r)) {
        return false;
    }
    heap_copy(p, r.ptr + r.len * elem->size, src, elem, n);
    r.len += (uint32_t)n;
    *out = r;
    return true;
}

bool slice_append_slots(struct P *p, const RType *elem, Slice s, const Slot *v, Slice *out)
{
    Slice r = s;
    if (GOL_UNLIKELY(s.len >= s.cap) && !slice_grow(p, elem, s, 1, &r)) {
        return false;
    }
    if (elem->size) {
        rtype_store(p, elem, r.ptr + r.len * elem->size, v);
    }
    r.len++;
    *out = r;
    return true;
}

int64_t slice_copy(struct P *p, const RType *elem, Slice dst, Slice src)
{
    uint32_t n = dst.len < src.len ? dst.len : src.len;
    heap_copy(p, dst.ptr, src.ptr, elem, n);
    return n;
}
