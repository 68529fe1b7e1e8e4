/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key file, and sealing with it (see keyring.h).
 */
#include "daemon/store/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_BYTES 32
#define NONCE_BYTES 12
#define TAG_BYTES 16
/* A sealed value is the format's number, the nonce, the encrypted bytes, the tag. */
#define FORMAT 1
#define HEAD_BYTES (1 + NONCE_BYTES)

struct keyring {
	unsigned char key[KEY_BYTES];
};

struct cipher {
	EVP_CIPHER_CTX *ctx;
};

static void
cipher_done(struct cipher *c)
{
	EVP_CIPHER_CTX_free(c->ctx);
}
#define _cleanup_cipher_ _cleanup_(cipher_done)

static int
read_key(int fd, const char *path, struct keyring *k, struct err *e)
{
	struct stat st;
	unsigned char more;

	if (fstat(fd, &st) < 0)
		return err_set_errno(e, errno, "key file %s", path);
	if ((st.st_mode & 077) != 0)
		return err_set(e, ERR_SERVER,
		    "key file %s can be read by others: its mode must be 0600", path);
	if (read(fd, k->key, sizeof(k->key)) != (ssize_t)sizeof(k->key) || read(fd, &more, 1) != 0)
		return err_set(
		    e, ERR_SERVER, "key file %s is not a key of %d bytes", path, KEY_BYTES);
	return 0;
}

static int
sync_directory(const char *dir)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* The file is there whole or not at all: a half of a key would lose every value. */
static int
write_key(const char *dir, const char *path, const struct keyring *k, struct err *e)
{
	_cleanup_free_ char *incomplete = xasprintf("%s.new", path);
	_cleanup_close_ int fd =
	    open(incomplete, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || fchmod(fd, 0600) < 0)
		return err_set_errno(e, errno, "key file %s cannot be made", incomplete);
	errno = EIO; /* of a write that was cut short */
	if (write(fd, k->key, sizeof(k->key)) != (ssize_t)sizeof(k->key) || fsync(fd) < 0 ||
	    rename(incomplete, path) < 0 || sync_directory(dir) < 0)
		return err_set_errno(e, errno, "key file %s cannot be written", path);
	return 0;
}

static int
open_file(const char *dir, struct keyring *k, struct err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/secrets.key", dir);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0)
		return read_key(fd, path, k, e);
	if (errno != ENOENT)
		return err_set_errno(e, errno, "key file %s cannot be opened", path);
	return write_key(dir, path, k, e);
}

int
keyring_open(const char *dir, struct keyring **ret, struct err *e)
{
	struct keyring *k = xcalloc(1, sizeof(*k));
	int r = 0;

	if (RAND_bytes(k->key, sizeof(k->key)) != 1)
		r = err_set(e, ERR_SERVER, "there is no randomness for a key");
	if (r == 0 && dir != NULL)
		r = open_file(dir, k, e);
	if (r < 0) {
		keyring_free(k);
		return r;
	}
	*ret = k;
	return 0;
}

void
keyring_free(struct keyring *k)
{
	if (k == NULL)
		return;
	OPENSSL_cleanse(k->key, sizeof(k->key));
	free(k);
}

/* The cipher with key and nonce set and `about` taken in. False: libcrypto refuses. */
static bool
begin(struct cipher *c, const struct keyring *k, const unsigned char *nonce, const char *about,
    int encrypt)
{
	int n;

	c->ctx = EVP_CIPHER_CTX_new();
	return c->ctx != NULL &&
	       EVP_CipherInit_ex(c->ctx, EVP_aes_256_gcm(), NULL, k->key, nonce, encrypt) == 1 &&
	       EVP_CipherUpdate(
		   c->ctx, NULL, &n, (const unsigned char *)about, (int)strlen(about)) == 1;
}

int
keyring_seal(const struct keyring *k, const char *about, const void *plain, size_t len,
    unsigned char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_cipher_ struct cipher c = { 0 };
	_cleanup_free_ unsigned char *out = xcalloc(1, HEAD_BYTES + len + TAG_BYTES);
	unsigned char *body = out + HEAD_BYTES;
	int n = 0, rest = 0;

	out[0] = FORMAT;
	if (RAND_bytes(out + 1, NONCE_BYTES) != 1 || !begin(&c, k, out + 1, about, 1) ||
	    EVP_CipherUpdate(c.ctx, body, &n, plain, (int)len) != 1 ||
	    EVP_CipherFinal_ex(c.ctx, body + n, &rest) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c.ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, body + len) != 1)
		return err_set(e, ERR_SERVER, "a value cannot be encrypted");
	*ret = TAKE(out);
	*ret_len = HEAD_BYTES + len + TAG_BYTES;
	return 0;
}

int
keyring_unseal(const struct keyring *k, const char *about, const unsigned char *sealed, size_t len,
    char **ret, size_t *ret_len)
{
	_cleanup_cipher_ struct cipher c = { 0 };
	_cleanup_free_ unsigned char *out = NULL;
	unsigned char tag[TAG_BYTES];
	int n = 0, rest = 0;

	if (len < HEAD_BYTES + TAG_BYTES || sealed[0] != FORMAT)
		return -EBADMSG;
	len -= HEAD_BYTES + TAG_BYTES;
	memcpy(tag, sealed + HEAD_BYTES + len, TAG_BYTES);
	out = xcalloc(1, len + 1);
	if (!begin(&c, k, sealed + 1, about, 0) ||
	    EVP_CipherUpdate(c.ctx, out, &n, sealed + HEAD_BYTES, (int)len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c.ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) != 1 ||
	    EVP_CipherFinal_ex(c.ctx, out + n, &rest) != 1)
		return -EBADMSG;
	*ret = (char *)TAKE(out);
	*ret_len = len;
	return 0;
}
