/* SPDX-License-Identifier: Apache-2.0
 *
 * Boot ROM: tells who it is, then waits for the host or loads a program from flash.
 *
 * Every wait but the last one has a limit. Whatever goes wrong leaves a code in SCRATCH and ends in the wait for
 * the host, who can load a program through the debug port at any time. */
#include "crc32.h"
#include "image.h"
#include "mailbox.h"
#include "mmio.h"
#include "stdio.h"

#define FLASH_READ 0x03u
#define SPI_DIVIDER 3u /* four cycles per half bit */
#define SPI_PATIENCE 10000u

_Noreturn void jump(uint32_t stack, uint32_t address);
_Noreturn void boot(void);
_Noreturn void fault_recover(void);

static void fail(uint32_t code) {
    MMIO(SYSCTRL_BASE + SYSCTRL_SCRATCH_OFFSET) = BOOT_CODE | code;
    put_text("boot: error ");
    put_hex(code);
    put_text("\n");
}

/* Hand over to the program in IMEM: its first word is the stack pointer. Returns if that cannot be. */
static void start_program(uint32_t entry) {
    const uint32_t stack = MMIO(IMEM_BASE);
    if (stack - DMEM_BASE > DMEM_BYTES || stack % 8 || entry - IMEM_BASE >= IMEM_BYTES || !(entry & 1)) {
        fail(BOOT_BAD_ENTRY);
        return;
    }
    MMIO(SYSCTRL_BASE + SYSCTRL_REMAP_OFFSET) = SYSCTRL_REMAP_IMEM_MASK;
    jump(stack, entry);
}

/* What the host has uploaded, it can have checked here: a request names address and words, the answer has the CRC. */
enum { HEAD, ADDRESS, WORDS };
#define CHECK_BYTES 8u

MAILBOX volatile uint32_t mailbox_request[REQUEST_WORDS(CHECK_BYTES)];
MAILBOX volatile uint32_t mailbox_answer[2];

static uint32_t served;

static void serve_check(void) {
    const uint32_t sequence = request_sequence(mailbox_request, CHECK_BYTES);
    if (sequence == served) return;
    served = sequence; /* first: an address that does not answer must not come again */
    const uint32_t status = request_check(mailbox_request, CHECK_BYTES);
    if (status == FRAME_DONE) {
        const volatile uint32_t *words = (const volatile uint32_t *)mailbox_request[ADDRESS];
        mailbox_answer[1] = crc16_words(FRAME_CRC_START, words, mailbox_request[WORDS]);
    }
    answer(mailbox_answer, 2, sequence, status);
}

/* Mode 0, and the end of every failure: the host loads IMEM, then sets REMAP. */
static _Noreturn void wait_for_host(void) {
    answer(mailbox_answer, 2, served, FRAME_READY);
    for (;;) {
        while (!(MMIO(SYSCTRL_BASE + SYSCTRL_REMAP_OFFSET) & SYSCTRL_REMAP_IMEM_MASK)) serve_check();
        start_program(MMIO(IMEM_BASE + 4));
        MMIO(SYSCTRL_BASE + SYSCTRL_REMAP_OFFSET) = 0;
    }
}

_Noreturn void fault_recover(void) {
    fail(BOOT_FAULT);
    wait_for_host();
}

/* Send and receive a byte; sets *error when the SPI does not end. */
static uint8_t flash_byte(uint8_t out, uint32_t *error) {
    MMIO(SPI_BASE + APB_SPI_DATA_OFFSET) = out;
    uint32_t left = SPI_PATIENCE;
    while (MMIO(SPI_BASE + APB_SPI_STATUS_OFFSET) & APB_SPI_STATUS_BUSY_MASK) {
        if (--left == 0) {
            *error = BOOT_SPI_TIME_OUT;
            break;
        }
    }
    return (uint8_t)MMIO(SPI_BASE + APB_SPI_DATA_OFFSET);
}

static uint32_t flash_word(uint32_t *error) {
    uint32_t word = 0;
    for (int k = 0; k < 4; ++k) word = word >> 8 | (uint32_t)flash_byte(0, error) << 24;
    return word;
}

/* Copy the image into IMEM while the flash is selected; returns the entry, or 0 with *error set. */
static uint32_t load_image(uint32_t *error) {
    const uint8_t command[] = {FLASH_READ, 0, 0, 0};
    for (unsigned k = 0; k < sizeof command; ++k) flash_byte(command[k], error);
    uint32_t header[IMAGE_HEADER_WORDS];
    for (unsigned k = 0; k < IMAGE_HEADER_WORDS; ++k) header[k] = flash_word(error);
    if (*error) return 0;
    const uint32_t length = header[IMAGE_LENGTH], load = header[IMAGE_LOAD], offset = load - IMEM_BASE;
    if (header[IMAGE_MAGIC] != IMAGE_MAGIC_VALUE) {
        *error = BOOT_NO_IMAGE;
    } else if (length == 0 || length % 4 || length > IMEM_BYTES) {
        *error = BOOT_BAD_LENGTH;
    } else if (load % 4 || offset >= IMEM_BYTES || length > IMEM_BYTES - offset) {
        *error = BOOT_BAD_ADDRESS;
    }
    if (*error) return 0;
    uint32_t crc = CRC32_START;
    for (unsigned k = 0; k < IMAGE_HEADER_WORDS - 1; ++k) crc = crc32_word(crc, header[k]);
    for (uint32_t k = 0; k < length; k += 4) {
        const uint32_t word = flash_word(error);
        if (*error) return 0;
        MMIO(load + k) = word;
        crc = crc32_word(crc, MMIO(load + k));
    }
    if ((crc ^ CRC32_END) != header[IMAGE_CRC]) *error = BOOT_BAD_CRC;
    return *error ? 0 : header[IMAGE_ENTRY];
}

static void boot_from_flash(void) {
    const uint32_t off = SPI_DIVIDER << APB_SPI_CTRL_DIVIDER_LSB;
    uint32_t error = 0;
    MMIO(SPI_BASE + APB_SPI_CTRL_OFFSET) = off | APB_SPI_CTRL_SELECT_MASK;
    const uint32_t entry = load_image(&error);
    MMIO(SPI_BASE + APB_SPI_CTRL_OFFSET) = off;
    if (error) {
        fail(error);
    } else {
        start_program(entry);
    }
}

static void banner(void) {
    put_text("\nasicflow boot ROM\nbuild ");
    put_hex(MMIO(TABLE_BASE + SYSTEM_TABLE_BUILD_OFFSET));
    put_text(" model ");
    put_hex(MMIO(TABLE_BASE + SYSTEM_TABLE_MODEL_OFFSET));
    put_text("\n");
}

_Noreturn void boot(void) {
    banner();
    if ((MMIO(SYSCTRL_BASE + SYSCTRL_BOOT_CFG_OFFSET) & SYSCTRL_BOOT_CFG_MODE_MASK) == BOOT_MODE_FLASH) {
        boot_from_flash();
    }
    put_text("boot: waiting for the host\n");
    wait_for_host();
}
