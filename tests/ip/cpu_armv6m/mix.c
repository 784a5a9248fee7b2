/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mix of what small programs do: a linked list that is sorted and searched, a matrix product, a CRC, a state
 * machine over text, strings. One iteration gives one word, which depends on all of them.
 */

#include <stdint.h>

extern volatile uint32_t results[64];

#ifndef ITERATIONS
#define ITERATIONS 1
#endif

enum { NODES = 24, SIZE = 8, TEXT = 64 };

struct node {
    struct node *next;
    int16_t key;
    uint16_t value;
};

static struct node nodes[NODES];
static int16_t left[SIZE][SIZE], right[SIZE][SIZE];
static char text[TEXT], copy[TEXT];

static uint32_t draw(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

static uint16_t crc16(uint16_t crc, const uint8_t *bytes, int count) {
    while (count--) {
        crc ^= (uint16_t)(*bytes++ << 8);
        for (int bit = 0; bit < 8; ++bit) crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

/* Merge sort of a list. */
static struct node *merge(struct node *a, struct node *b) {
    struct node head = {0}, *tail = &head;
    while (a && b) {
        struct node **from = a->key <= b->key ? &a : &b;
        tail->next = *from;
        tail = *from;
        *from = tail->next;
    }
    tail->next = a ? a : b;
    return head.next;
}

static struct node *sort(struct node *list) {
    if (!list || !list->next) return list;
    struct node *slow = list, *fast = list->next;
    while (fast && fast->next) {
        slow = slow->next;
        fast = fast->next->next;
    }
    struct node *half = slow->next;
    slow->next = 0;
    return merge(sort(list), sort(half));
}

static uint32_t list_part(uint32_t seed) {
    for (int i = 0; i < NODES; ++i) {
        nodes[i] = (struct node){i + 1 < NODES ? &nodes[i + 1] : 0, (int16_t)draw(&seed), (uint16_t)i};
    }
    uint32_t sum = 0, place = 0;
    for (struct node *n = sort(nodes); n; n = n->next) sum += n->value * ++place;
    return sum;
}

static uint32_t matrix_part(uint32_t seed) {
    for (int i = 0; i < SIZE; ++i) {
        for (int j = 0; j < SIZE; ++j) {
            left[i][j] = (int16_t)(draw(&seed) & 0xFF);
            right[i][j] = (int16_t)(draw(&seed) % 201 - 100);
        }
    }
    uint32_t trace = 0;
    for (int i = 0; i < SIZE; ++i) {
        for (int j = 0; j < SIZE; ++j) {
            int32_t sum = 0;
            for (int k = 0; k < SIZE; ++k) sum += left[i][k] * right[k][j];
            trace ^= (uint32_t)sum << (i & 7);
        }
    }
    return trace;
}

/* Count words, numbers and everything else. */
static uint32_t text_part(uint32_t seed) {
    static const char letters[] = "ab c1.2 x+9 -e";
    enum { SPACE, WORD, NUMBER, OTHER } state = SPACE;
    uint32_t counts[4] = {0};
    for (int i = 0; i < TEXT - 1; ++i) text[i] = letters[draw(&seed) % (sizeof letters - 1)];
    text[TEXT - 1] = 0;
    for (const char *c = text; *c; ++c) {
        switch (state) {
            case WORD:
                if (*c == ' ') state = SPACE;
                break;
            case NUMBER:
                if (*c == ' ') state = SPACE;
                else if (*c != '.' && (*c < '0' || *c > '9')) state = OTHER;
                break;
            default:
                if (*c >= '0' && *c <= '9') state = NUMBER;
                else if (*c >= 'a' && *c <= 'z') state = WORD;
                else state = *c == ' ' ? SPACE : OTHER;
        }
        ++counts[state];
    }
    char *to = copy;
    for (const char *c = text; (*to++ = *c++);) continue;
    int equal = 0;
    while (text[equal] && text[equal] == copy[equal]) ++equal;
    return counts[SPACE] << 24 ^ counts[WORD] << 16 ^ counts[NUMBER] << 8 ^ counts[OTHER] ^ (uint32_t)equal;
}

int main(void) {
    for (uint32_t i = 0; i < ITERATIONS; ++i) {
        uint32_t words[3] = {list_part(i), matrix_part(i), text_part(i)};
        uint16_t crc = crc16(0xFFFF, (const uint8_t *)words, sizeof words);
        crc = crc16(crc, (const uint8_t *)copy, TEXT);
        results[i & 63] = words[0] ^ words[1] << 8 ^ words[2] ^ crc;
    }
    return 0;
}
