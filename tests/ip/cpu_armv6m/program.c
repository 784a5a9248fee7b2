/* SPDX-License-Identifier: Apache-2.0 */
/* Recursion, 64-bit arithmetic and soft float; every result goes into a checksum of words. */

#include <stdint.h>

extern volatile uint32_t results[64];

static uint32_t ackermann(uint32_t m, uint32_t n) {
    if (m == 0) return n + 1;
    if (n == 0) return ackermann(m - 1, 1);
    return ackermann(m - 1, ackermann(m, n - 1));
}

static int64_t mix(int64_t a, int32_t b) {
    return a * b + (a >> 7) - (b ? a / b : 1) + (int64_t)((uint64_t)a % 1000003u);
}

static float series(float x, int n) {
    float sum = 1, term = 1;
    for (int i = 1; i < n; ++i) {
        term = term * x / (float)i;
        sum += term;
    }
    return sum;
}

static void sort(int16_t *v, int n) {
    for (int i = 1; i < n; ++i)
        for (int j = i; j > 0 && v[j - 1] > v[j]; --j) {
            int16_t t = v[j];
            v[j] = v[j - 1];
            v[j - 1] = t;
        }
}

int main(void) {
    volatile uint32_t seed = 12345;
    int k = 0;
    int16_t v[24];
    results[k++] = ackermann(2, 3);
    int64_t x = 0x123456789abcdefLL;
    for (int i = -3; i < 5; ++i) {
        x = mix(x, i * 77773);
        results[k++] = (uint32_t)x;
        results[k++] = (uint32_t)(x >> 32);
    }
    union { float f; uint32_t u; } f = {series(1.25f, 9)};
    results[k++] = f.u;
    union { double d; uint64_t u; } d = {(double)f.f / 3.0 + seed};
    results[k++] = (uint32_t)d.u;
    results[k++] = (uint32_t)(d.u >> 32);
    for (int i = 0; i < 24; ++i) {
        seed = seed * 1103515245u + 12345u;
        v[i] = (int16_t)(seed >> 16);
    }
    sort(v, 24);
    for (int i = 0; i < 24; ++i) results[k++] = (uint32_t)v[i];
    return k;
}
