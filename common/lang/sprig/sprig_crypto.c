/* common/lang/sprig/sprig_crypto.c: digests, passwords, AES, random texts. Slow functions cost many
 * steps. SPDX-License-Identifier: Apache-2.0 */
#include "common/base/rand.h"
#include "common/lang/sprig/sprig_priv.h"
#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { SLOW_STEPS = 150000, RANDOM_MAX = 100000 };

static void put_hex(struct abuf *b, const unsigned char *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                abuf_addf(b, "%02x", p[i]);
}

static bool digest(struct go_env *env, struct str s, const EVP_MD *md, struct val *out)
{
        unsigned char sum[EVP_MAX_MD_SIZE];
        unsigned n = 0;
        struct abuf b = abuf_in(env->arena);
        if (!EVP_Digest(s.p, s.n, sum, &n, md, NULL))
                return go_fail(env, ERR_INTERNAL, "digest failed");
        put_hex(&b, sum, n);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_sha1sum)
{
        SPRIG_ARGS;
        return digest(env, args[0].s, EVP_sha1(), out);
}

SPRIG_FN(fn_sha256sum)
{
        SPRIG_ARGS;
        return digest(env, args[0].s, EVP_sha256(), out);
}

SPRIG_FN(fn_sha512sum)
{
        SPRIG_ARGS;
        return digest(env, args[0].s, EVP_sha512(), out);
}

SPRIG_FN(fn_adler32sum)
{
        SPRIG_ARGS;
        uint32_t a = 1, c = 0;
        struct abuf b = abuf_in(env->arena);
        for (size_t i = 0; i < args[0].s.n; i++) {
                a = (a + (unsigned char)args[0].s.p[i]) % 65521;
                c = (c + a) % 65521;
        }
        abuf_addf(&b, "%u", c << 16 | a);
        return go_return_text(env, &b, out);
}

/* ---- passwords ---- */

static bool bcrypt_into(struct go_env *env, struct abuf *b, struct str password)
{
        char salt[64], random[16];
        if (!go_step(env, SLOW_STEPS))
                return false;
        if (password.n > 72) {
                abuf_adds(b, "failed to encrypt string with bcrypt: bcrypt: password length "
                             "exceeds 72 bytes");
                return true;
        }
        rand_bytes(random, sizeof(random));
        struct crypt_data *data = mem_alloc(sizeof(*data));
        char *text = mem_strndup(password.p, password.n), *hash = NULL;
        if (crypt_gensalt_rn("$2a$", 10, random, sizeof(random), salt, sizeof(salt)))
                hash = crypt_r(text, salt, data);
        bool ok = hash && hash[0] == '$';
        if (ok)
                abuf_adds(b, hash);
        OPENSSL_cleanse(text, password.n);
        OPENSSL_cleanse(data, sizeof(*data));
        mem_free(text);
        mem_free(data);
        return ok || go_fail(env, ERR_INTERNAL, "bcrypt failed");
}

SPRIG_FN(fn_bcrypt)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        return bcrypt_into(env, &b, args[0].s) && go_return_text(env, &b, out);
}

SPRIG_FN(fn_htpasswd)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        struct str user = args[0].s;
        if (user.n && memchr(user.p, ':', user.n)) {
                abuf_adds(&b, "invalid username: ");
                abuf_add(&b, user);
                return go_return_text(env, &b, out);
        }
        abuf_add(&b, user);
        abuf_addc(&b, ':');
        return bcrypt_into(env, &b, args[1].s) && go_return_text(env, &b, out);
}

static const char *const maximum[] = {"anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"};
static const char *const long_forms[] = {
        "CvcvnoCvcvCvcv", "CvcvCvcvnoCvcv", "CvcvCvcvCvcvno", "CvccnoCvcvCvcv", "CvccCvcvnoCvcv",
        "CvccCvcvCvcvno", "CvcvnoCvccCvcv", "CvcvCvccnoCvcv", "CvcvCvccCvcvno", "CvcvnoCvcvCvcc",
        "CvcvCvcvnoCvcc", "CvcvCvcvCvccno", "CvccnoCvccCvcv", "CvccCvccnoCvcv", "CvccCvccCvcvno",
        "CvcvnoCvccCvcc", "CvcvCvccnoCvcc", "CvcvCvccCvccno", "CvccnoCvcvCvcc", "CvccCvcvnoCvcc",
        "CvccCvcvCvccno"};
static const char *const medium[] = {"CvcnoCvc", "CvcCvcno"};
static const char *const short_forms[] = {"Cvcn"};
static const char *const basic[] = {"aaanaaan", "aannaaan", "aaannaaa"};
static const char *const pin[] = {"nnnn"};
static const struct {
        const char *name;
        const char *const *forms;
        size_t n;
} password_types[] = {
        {"maximum", maximum, ARRAY_LEN(maximum)}, {"long", long_forms, ARRAY_LEN(long_forms)},
        {"medium", medium, ARRAY_LEN(medium)},    {"short", short_forms, ARRAY_LEN(short_forms)},
        {"basic", basic, ARRAY_LEN(basic)},       {"pin", pin, ARRAY_LEN(pin)}};

static const char *characters(char class)
{
        switch (class) {
        case 'V': return "AEIOU";
        case 'C': return "BCDFGHJKLMNPQRSTVWXYZ";
        case 'v': return "aeiou";
        case 'c': return "bcdfghjklmnpqrstvwxyz";
        case 'a': return "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
        case 'n': return "0123456789";
        case 'o': return "@&%?,=[]_:-+*$#!'^~;()/.";
        default: return "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()";
        }
}

static void put_u32(struct abuf *b, uint32_t v)
{
        char bytes[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};
        abuf_add(b, (struct str){bytes, 4});
}

static void put_named(struct abuf *b, struct str name)
{
        abuf_adds(b, "com.lyndir.masterpassword");
        put_u32(b, (uint32_t)name.n);
        abuf_add(b, name);
}

/* The Master Password algorithm: scrypt of the password, then an HMAC of the site picks the
 * characters. */
static bool master_seed(struct go_env *env, const struct val *args, unsigned char seed[32])
{
        unsigned char key[64];
        unsigned n = 32;
        struct abuf salt = abuf_in(env->arena), site = abuf_in(env->arena);
        put_named(&salt, args[3].s);
        put_named(&site, args[4].s);
        put_u32(&site, (uint32_t)args[0].i);
        if (salt.failed || site.failed)
                return go_full(env);
        bool ok = EVP_PBE_scrypt(args[2].s.p, args[2].s.n, (unsigned char *)salt.p, salt.n, 32768,
                                 8, 2, 64 << 20, key, sizeof(key)) == 1 &&
                  HMAC(EVP_sha256(), key, sizeof(key), (unsigned char *)site.p, site.n, seed, &n);
        OPENSSL_cleanse(key, sizeof(key));
        return ok || go_fail(env, ERR_INTERNAL, "scrypt failed");
}

SPRIG_FN(fn_derivePassword)
{
        SPRIG_ARGS;
        struct abuf b = abuf_in(env->arena);
        unsigned char seed[32];
        for (size_t i = 0; i < ARRAY_LEN(password_types); i++) {
                if (!str_eq(args[1].s, password_types[i].name))
                        continue;
                if (!go_step(env, SLOW_STEPS) || !master_seed(env, args, seed))
                        return false;
                const char *form = password_types[i].forms[seed[0] % password_types[i].n];
                for (size_t k = 0; form[k]; k++) {
                        const char *set = characters(form[k]);
                        abuf_addc(&b, set[seed[k + 1] % strlen(set)]);
                }
                return go_return_text(env, &b, out);
        }
        abuf_adds(&b, "cannot find password template ");
        abuf_add(&b, args[1].s);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_genPrivateKey)
{
        SPRIG_ARGS;
        static const char *const known[] = {"", "rsa", "dsa", "ecdsa", "ed25519"};
        struct abuf b = abuf_in(env->arena);
        for (size_t i = 0; i < ARRAY_LEN(known); i++)
                if (str_eq(args[0].s, known[i]))
                        return go_fail(env, ERR_UNSUPPORTED, "keys are not made in templates");
        abuf_adds(&b, "Unknown type ");
        abuf_add(&b, args[0].s);
        return go_return_text(env, &b, out);
}

/* ---- AES-256 in CBC mode, the initialisation vector in front, base64 around ---- */

static void aes_key(unsigned char key[32], struct str password)
{
        memset(key, 0, 32);
        memcpy(key, password.p, password.n < 32 ? password.n : 32);
}

static bool aes(struct go_env *env, bool encrypt, struct str password, const unsigned char *iv,
                struct str in, struct abuf *out)
{
        unsigned char key[32];
        int n = 0, more = 0;
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        char *to = abuf_reserve(out, in.n + 32);
        aes_key(key, password);
        bool ok = ctx && to && in.n < (1 << 30) &&
                  EVP_CipherInit_ex(ctx, EVP_aes_256_cbc(), NULL, key, iv, encrypt) &&
                  (encrypt || EVP_CIPHER_CTX_set_padding(ctx, 0)) &&
                  EVP_CipherUpdate(ctx, (unsigned char *)to, &n, (const unsigned char *)in.p,
                                   (int)in.n) &&
                  EVP_CipherFinal_ex(ctx, (unsigned char *)to + n, &more);
        if (ok)
                out->n += (size_t)(n + more);
        EVP_CIPHER_CTX_free(ctx);
        OPENSSL_cleanse(key, sizeof(key));
        return ok || go_fail(env, ERR_INVALID, "AES: the text does not fit");
}

SPRIG_FN(fn_encryptAES)
{
        SPRIG_ARGS;
        unsigned char iv[16];
        struct abuf whole = abuf_in(env->arena), b = abuf_in(env->arena);
        if (args[1].s.n == 0)
                return go_return_str(out, STR(""));
        rand_bytes(iv, sizeof(iv));
        abuf_add(&whole, (struct str){(const char *)iv, sizeof(iv)});
        if (!aes(env, true, args[0].s, iv, args[1].s, &whole))
                return false;
        sprig_base64(&b, abuf_str(&whole), false);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_decryptAES)
{
        SPRIG_ARGS;
        struct abuf whole = abuf_in(env->arena), b = abuf_in(env->arena);
        if (args[1].s.n == 0)
                return go_return_str(out, STR(""));
        if (!sprig_base64(&whole, args[1].s, true) || whole.n < 32 || whole.n % 16)
                return go_fail(env, ERR_INVALID, "AES: the text is not encrypted");
        struct str text = {whole.p + 16, whole.n - 16};
        if (!aes(env, false, args[0].s, (const unsigned char *)whole.p, text, &b))
                return false;
        size_t padding = b.n ? (unsigned char)b.p[b.n - 1] : 0;
        if (padding > b.n)
                return go_fail(env, ERR_INVALID, "AES: wrong password or broken text");
        b.n -= padding;
        return go_return_text(env, &b, out);
}

/* ---- random ---- */

static bool random_text(struct go_env *env, int64_t n, const char *set, struct val *out)
{
        size_t size = strlen(set);
        struct abuf b = abuf_in(env->arena);
        if (n > RANDOM_MAX)
                return go_fail(env, ERR_LIMIT, "more than %d random characters", RANDOM_MAX);
        for (int64_t i = 0; i < n; i++)
                abuf_addc(&b, set[rand_u64() % size]);
        return go_return_text(env, &b, out);
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SPRIG_FN(fn_randAlpha)
{
        SPRIG_ARGS;
        return random_text(env, args[0].i, LETTERS, out);
}

SPRIG_FN(fn_randAlphaNum)
{
        SPRIG_ARGS;
        return random_text(env, args[0].i, LETTERS "0123456789", out);
}

SPRIG_FN(fn_randNumeric)
{
        SPRIG_ARGS;
        return random_text(env, args[0].i, "0123456789", out);
}

SPRIG_FN(fn_randAscii)
{
        SPRIG_ARGS;
        char set[96];
        for (int i = 0; i < 95; i++)
                set[i] = (char)(' ' + i);
        set[95] = '\0';
        return random_text(env, args[0].i, set, out);
}

SPRIG_FN(fn_randBytes)
{
        SPRIG_ARGS;
        struct abuf raw = abuf_in(env->arena), b = abuf_in(env->arena);
        if (args[0].i < 0 || args[0].i > RANDOM_MAX)
                return go_fail(env, ERR_LIMIT, "randBytes wants 0 to %d", RANDOM_MAX);
        char *p = abuf_reserve(&raw, (size_t)args[0].i);
        if (p && args[0].i)
                rand_bytes(p, (size_t)args[0].i);
        sprig_base64(&b, (struct str){p ? p : "", (size_t)args[0].i}, false);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_randInt)
{
        SPRIG_ARGS;
        int64_t min = args[0].i, max = args[1].i;
        *out = val_nil();
        if (max <= min)
                return go_fail(env, ERR_INVALID, "randInt: the maximum must be above the minimum");
        *out = val_int((int64_t)((uint64_t)min + rand_u64() % ((uint64_t)max - (uint64_t)min)));
        return true;
}

SPRIG_FN(fn_uuidv4)
{
        SPRIG_ARGS;
        char text[37];
        struct abuf b = abuf_in(env->arena);
        uuid_v4(text);
        abuf_adds(&b, text);
        return go_return_text(env, &b, out);
}

SPRIG_FN(fn_shuffle)
{
        SPRIG_ARGS;
        struct sprig_list l = {.env = env};
        struct abuf b = abuf_in(env->arena);
        struct str s = args[0].s;
        for (size_t i = 0; i < s.n;) {
                uint32_t cp;
                if (!sprig_push(&l, val_nil()))
                        return false;
                i += utf8_decode(s.p + i, s.n - i, &cp);
                l.items[l.n - 1].i = cp;
        }
        for (size_t i = l.n; i > 1; i--) {
                size_t k = rand_u64() % i;
                struct val t = l.items[i - 1];
                l.items[i - 1] = l.items[k];
                l.items[k] = t;
        }
        for (size_t i = 0; i < l.n; i++) {
                char utf8[4];
                abuf_add(&b, (struct str){utf8, utf8_encode((uint32_t)l.items[i].i, utf8)});
        }
        return go_return_text(env, &b, out);
}
