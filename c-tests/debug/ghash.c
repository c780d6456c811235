/* For Memcheck, linked to the tests: what it takes for uninitialised and isn't.

   The assembly in ring that computes the authentication tags of AES-GCM uses more of a register than
   it has filled, so that the tag of every TLS record counts as uninitialised, though nothing that
   went into it was. It is declared initialised then; all else of a record stays under examination.
   Valgrind calls these functions in place of those whose names match. */

#include <stddef.h>

#include <valgrind/memcheck.h>

enum { TAG = 16, POWERS_OF_KEY = 192 };

static int initialised(const void *data, size_t size) {
    unsigned char undefined[64];
    for(size_t at = 0; at < size; at += sizeof(undefined)) {
        size_t n = size - at < sizeof(undefined) ? size - at : sizeof(undefined);
        (void)VALGRIND_GET_VBITS((const char*)data + at, undefined, n);
        for(size_t i = 0; i != n; i++) if(undefined[i]) return 0;
    }
    return 1;
}

static int all_initialised(const void *tag, const void *key, const void *data, size_t size) {
    return initialised(tag, TAG) && initialised(key, POWERS_OF_KEY) && initialised(data, size);
}

#define IN_PLACE_OF(name) I_WRAP_SONAME_FNNAME_ZZ(NONE, ringZucoreZa##name)

#define HASH(name) \
    void IN_PLACE_OF(name)(void *tag, const void *key, const void *data, size_t size); \
    void IN_PLACE_OF(name)(void *tag, const void *key, const void *data, size_t size) { \
        OrigFn original; \
        VALGRIND_GET_ORIG_FN(original); \
        int sound = all_initialised(tag, key, data, size); \
        CALL_FN_v_WWWW(original, tag, key, data, size); \
        if(sound) VALGRIND_MAKE_MEM_DEFINED(tag, TAG); \
    }

/* Encrypts or decrypts, too. */
#define CIPHER(name) \
    size_t IN_PLACE_OF(name)(const void *in, void *out, size_t size, const void *cipher_key, \
        void *counter, const void *key, void *tag); \
    size_t IN_PLACE_OF(name)(const void *in, void *out, size_t size, const void *cipher_key, \
            void *counter, const void *key, void *tag) { \
        OrigFn original; \
        size_t done; \
        VALGRIND_GET_ORIG_FN(original); \
        int sound = all_initialised(tag, key, in, size); \
        CALL_FN_W_7W(done, original, in, out, size, cipher_key, counter, key, tag); \
        if(sound) VALGRIND_MAKE_MEM_DEFINED(tag, TAG); \
        return done; \
    }

HASH(gcmZughashZuavx)
HASH(gcmZughashZuclmul)
CIPHER(aesniZugcmZuencrypt)
CIPHER(aesniZugcmZudecrypt)
