/*
 * One end of SRTP by libsrtp 2, for a test that speaks to it over standard
 * input and output. A request is an operation, the length of its operands in
 * 4 octets, and these; the answer is the status of libsrtp, a length, and that
 * many octets. Numbers are in network byte order.
 */
#include <arpa/inet.h>
#include <srtp2/srtp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20, KEYS = 2 };

static uint8_t octets[MOST + SRTP_MAX_TRAILER_LEN + 4];
static srtp_t session;
static int with_mki;

static void read_all(void *to, size_t length)
{
    if (length > 0 && fread(to, length, 1, stdin) != 1)
        exit(0);
}

static void answer(uint8_t status, const void *from, uint32_t length)
{
    uint32_t size = htonl(length);
    fputc(status, stdout);
    fwrite(&size, sizeof size, 1, stdout);
    fwrite(from, 1, length, stdout);
    fflush(stdout);
}

static int set_suite(uint8_t suite, srtp_policy_t *policy)
{
    switch (suite) {
    case 0:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
        break;
    case 1:
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
        return 1;
    case 2:
        srtp_crypto_policy_set_aes_cm_192_hmac_sha1_80(&policy->rtp);
        break;
    case 3:
        srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&policy->rtp);
        break;
    case 4:
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
        break;
    case 5:
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
        break;
    default:
        return 0;
    }
    policy->rtcp = policy->rtp;
    return 1;
}

/* Suite; SSRC; roll-over counter; octets of each MKI, 0 for none; number of
 * keys; octets of each key and salt; and for each key these, and its MKI. */
static srtp_err_status_t begin(uint8_t *at)
{
    srtp_policy_t policy = {0};
    srtp_master_key_t keys[KEYS], *list[KEYS];
    uint32_t ssrc, roc;
    srtp_err_status_t status;

    if (!set_suite(*at++, &policy))
        return srtp_err_status_bad_param;
    memcpy(&ssrc, at, 4);
    memcpy(&roc, at + 4, 4);
    at += 8;
    uint8_t mki_length = *at++, count = *at++, key_length = *at++;
    if (count < 1 || count > KEYS)
        return srtp_err_status_bad_param;
    for (uint8_t n = 0; n < count; n++) {
        keys[n].key = at;
        keys[n].mki_id = mki_length > 0 ? at + key_length : NULL;
        keys[n].mki_size = mki_length;
        list[n] = &keys[n];
        at += key_length + mki_length;
    }
    policy.keys = list;
    policy.num_master_keys = count;
    policy.ssrc.type = ssrc_specific;
    policy.ssrc.value = ntohl(ssrc);
    policy.window_size = 128;
    with_mki = mki_length > 0;

    if (session)
        srtp_dealloc(session);
    session = NULL;
    status = srtp_create(&session, &policy);
    if (status == srtp_err_status_ok)
        status = srtp_set_stream_roc(session, policy.ssrc.value, ntohl(roc));
    return status;
}

int main(void)
{
    if (srtp_init() != srtp_err_status_ok)
        return 1;
    for (;;) {
        uint8_t operation;
        uint32_t size;
        read_all(&operation, 1);
        read_all(&size, 4);
        size = ntohl(size);
        if (size < 1 || size > MOST)
            return 1;
        /* The first octet is the number of the key; sealed in place behind. */
        uint8_t first;
        read_all(&first, 1);
        int length = (int)size - 1;
        uint8_t *packet = octets + 4;
        read_all(packet, (size_t)length);

        srtp_err_status_t status;
        switch (operation) {
        case 'v':
            answer(0, srtp_get_version_string(), (uint32_t)strlen(srtp_get_version_string()));
            continue;
        case 'b':
            status = begin(packet);
            length = 0;
            break;
        case 's':
            status = srtp_protect_mki(session, packet, &length, with_mki, first);
            break;
        case 'o':
            status = srtp_unprotect_mki(session, packet, &length, with_mki);
            break;
        case 'S':
            status = srtp_protect_rtcp_mki(session, packet, &length, with_mki, first);
            break;
        case 'O':
            status = srtp_unprotect_rtcp_mki(session, packet, &length, with_mki);
            break;
        default:
            return 1;
        }
        answer((uint8_t)status, packet, status == srtp_err_status_ok ? (uint32_t)length : 0);
    }
}
