// SPDX-License-Identifier: Apache-2.0
//
// Reference model of the debug port's commands: bytes in, text out, memory accesses in between.

#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace adp {

constexpr uint32_t kRamBase = 0x10000000, kRamBytes = 0x10000;
constexpr uint32_t kHang = 0x3;  // Top digit of the addresses that do not answer in time

inline std::string hex(uint32_t value, int digits) {
    char text[16];
    snprintf(text, sizeof text, "0x%0*X", digits, value);
    return text;
}

class Model {
public:
    std::vector<uint8_t> ram = std::vector<uint8_t>(kRamBytes);
    std::string out;           // Text expected so far
    std::string to_processor;  // Bytes expected on stdin so far
    bool stdin_full = false;
    uint8_t gpo = 0, gpi = 0;

    bool monitor() const { return monitor_; }
    bool uploading() const { return left_ && cmd_ == 'U'; }
    bool busy() const { return left_ && cmd_ != 'U'; }  // Call step() until it is not
    uint64_t left() const { return left_; }
    char command() const { return cmd_; }

    void enter() {
        monitor_ = true;
        prompt();
    }

    void byte(uint8_t c) {
        if (!monitor_) {
            if (c == 0x1B) enter();
            else to_processor += char(c);
        } else if (uploading()) {
            upload(c);
        } else if (c == 0x1B) {
            prompt();
        } else if (c == 0 || c == 4) {
            leave();
        } else if (c == '\n' || c == '\r') {
            if (!cmd_) prompt();
            else line();
        } else if (c != ' ' && c != '\t') {
            character(char(c));
        }
    }

    // The processor writes to stdout.
    void stdout_byte(uint8_t c) {
        if (monitor_) out += std::string("<") + char(c) + ">";
        else out += char(c);
    }

    // One access of R, W, F or P.
    void step() {
        uint32_t data = value_;
        const bool write = cmd_ == 'W' || cmd_ == 'F';
        if (cmd_ == 'W') data = arg_;
        if (!access(write, data)) {
            left_ = 0;
            return finish(cmd_, '!', addr_, 8);
        }
        --left_;
        if (cmd_ == 'P') {
            const uint32_t bits = size_ == 4 ? ~0u : (1u << 8 * size_) - 1;
            const bool match = !((data ^ value_) & mask_ & bits);
            if (match) left_ = 0;
            if (!left_) finish('P', match ? ' ' : '?', data, 2 * size_);
            return;
        }
        addr_ += size_;
        if (cmd_ == 'R' && left_) out += "R " + hex(data, 2 * size_) + "\n\r";
        else if (cmd_ == 'R') finish('R', ' ', data, 2 * size_);
        else if (cmd_ == 'W') finish('W', ' ', data, 2 * size_);
        else if (!left_) finish('F', ' ', addr_, 8);
    }

    // ESC ends a command between two accesses.
    void stop() {
        left_ = 0;
        prompt();
    }

    // The host fell silent in an upload.
    void silence() {
        left_ = 0;
        finish('U', '!', failed_ ? fail_ : addr_, 8);
    }

    // The value is stored where the access of step() would store it; false if the access fails.
    bool access(bool write, uint32_t& data) {
        if (addr_ % size_ || addr_ < kRamBase || addr_ - kRamBase >= kRamBytes) return false;
        uint8_t* cell = &ram[addr_ - kRamBase];
        uint32_t seen = 0;
        for (unsigned i = 0; i < size_; ++i) {
            if (write) cell[i] = uint8_t(data >> 8 * i);
            seen |= uint32_t(cell[i]) << 8 * i;
        }
        data = seen;
        return true;
    }

private:
    bool monitor_ = false, bad_ = false, failed_ = false;
    char cmd_ = 0;
    unsigned digits_ = 0, size_ = 4;
    uint32_t arg_ = 0, addr_ = 0, mask_ = ~0u, value_ = 0, fail_ = 0;
    uint64_t left_ = 0;

    void prompt() {
        out += "\n\r]";
        clear();
    }
    void clear() {
        cmd_ = 0;
        arg_ = digits_ = 0;
        bad_ = false;
    }
    void leave() {
        monitor_ = false;
    }
    void finish(char letter, char mark, uint32_t data, int digits) {
        out += std::string(1, letter) + mark + hex(data, digits);
        prompt();
    }

    void character(char c) {
        if (!cmd_) {
            cmd_ = c;
            return;
        }
        int digit = -1;
        if (c >= '0' && c <= '9') digit = c - '0';
        else if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
        if (digit >= 0 && digits_ < 8) {
            arg_ = arg_ << 4 | uint32_t(digit);
            ++digits_;
        } else if ((c == 'x' || c == 'X') && digits_ == 1 && arg_ == 0) {
            digits_ = 0;
        } else {
            bad_ = true;
        }
    }

    void line() {
        const std::string known = "ARWFUPSCMVX";
        const bool needs = cmd_ == 'W' || cmd_ == 'U' || cmd_ == 'S';
        const bool wrong_gpo = cmd_ == 'C' && digits_ && (arg_ < 0x100 || arg_ > 0x3FF);
        if (bad_ || known.find(cmd_) == std::string::npos || (needs && !digits_) || wrong_gpo) {
            out += "?";
            return prompt();
        }
        size_ = cmd_ == 'U' ? 1 : !digits_ ? 4 : digits_ <= 2 ? 1 : digits_ <= 4 ? 2 : 4;
        failed_ = false;
        switch (cmd_) {
            case 'A': return show(addr_);
            case 'M': return show(mask_);
            case 'V': return show(value_);
            case 'X': return leave();
            case 'C': return outputs();
            case 'S':
                if (!stdin_full) to_processor += char(arg_);
                return finish('S', stdin_full ? '!' : ' ', arg_ & 0xFF, 2);
            default: break;
        }
        left_ = cmd_ == 'W' || !digits_ ? 1 : arg_;
        if (!left_) finish(cmd_, ' ', addr_, 8);
    }

    void show(uint32_t& reg) {
        if (digits_) reg = arg_;
        finish(cmd_, ' ', reg, 8);
    }

    void outputs() {
        const uint8_t bits = uint8_t(arg_);
        if (digits_ && arg_ >> 8 == 1) gpo &= uint8_t(~bits);
        if (digits_ && arg_ >> 8 == 2) gpo |= bits;
        if (digits_ && arg_ >> 8 == 3) gpo = bits;
        finish('C', ' ', uint32_t(gpi) << 8 | gpo, 4);
    }

    void upload(uint8_t c) {
        uint32_t data = c;
        if (!failed_ && !access(true, data)) {
            failed_ = true;
            fail_ = addr_;
        }
        if (!failed_) ++addr_;
        if (--left_ == 0) finish('U', failed_ ? '!' : ' ', failed_ ? fail_ : addr_, 8);
    }
};

}  // namespace adp
