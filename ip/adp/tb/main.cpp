// SPDX-License-Identifier: Apache-2.0
//
// Testbench of the debug port; the answer is one line of JSON.
//
//   sim SEED BIT_TIME paced|storm BYTES [+plusargs of the design]
//
// paced: random commands and random bytes; the whole text and the whole memory are compared with the model.
// storm: random bytes without a pause; the port must come back to its prompt, and no byte below the address
//        set before may change.

#include "board.hpp"
#include "model.hpp"

namespace adp {

constexpr unsigned kIdleBits = 6;  // The design is built with IdleBits = 6

class Session {
public:
    Session(Board& board, unsigned idle_bits) : board_(board), idle_(uint64_t(2) << idle_bits) {
        for (uint32_t i = 0; i < kRamBytes; ++i) board_.ram[i] = model_.ram[i] = uint8_t(board_.draw(256));
    }

    // Characters other than ESC are not answered; ESC is; after a break another bit time is learned.
    void connect(double first, double second) {
        board_.bit_time = first;
        for (uint8_t c : {0x00, 0x55, 0x0A, 0x41, 0x1A, 0x9B}) gap_send(c);
        if (!board_.out.empty()) fail("an answer before the first ESC");
        escape();
        check("first ESC");
        board_.level(0, 20);
        board_.bit_time = second;
        board_.level(1, 30);
        escape();
        check("ESC after a break");
    }

    void paced(uint64_t bytes) {
        while (sent_ < bytes && ok()) {
            const std::string text = chunk();
            for (size_t i = 0; i < text.size() && ok(); ++i) feed(uint8_t(text[i]));
            if (ok() && board_.draw(16) == 0) speak();
        }
        settle("end");
    }

    void storm(uint64_t bytes) {
        while (sent_ < bytes && ok()) {
            const uint32_t base = kRamBase + 0x8000 + 4 * board_.draw(0x100);
            command("A" + hex(base, 8) + "\n");
            const std::vector<uint8_t> before = board_.ram;
            board_.lowest_write = ~0u;
            const uint32_t count = 200 + board_.draw(800);
            const bool wild = board_.draw(2);
            board_.stdin_full = board_.draw(2);
            for (uint32_t i = 0; i < count; ++i) {
                uint8_t c = wild ? uint8_t(board_.draw(256)) : uint8_t(symbol());
                if (c == 'A') c = 'R';
                if (board_.draw(64) == 0) board_.from_processor.push_back('o');
                put(c);
            }
            board_.stdin_full = false;
            recover();
            if (board_.lowest_write < base) fail("memory below the address was written");
            for (uint32_t i = 0; i < base - kRamBase; ++i) {
                if (before[i] != board_.ram[i]) return fail("memory below the address changed");
            }
        }
    }

    void print(uint64_t cycles) const {
        printf("{\"bytes\": %llu, \"lines\": %llu, \"cycles\": %llu, \"writes\": %llu, \"failure\": \"%s\"}\n",
               (unsigned long long)sent_, (unsigned long long)lines_, (unsigned long long)cycles,
               (unsigned long long)board_.writes, failure_.c_str());
    }

private:
    Board& board_;
    Model model_;
    uint64_t idle_;
    uint64_t sent_ = 0, lines_ = 0;
    std::string failure_;

    bool ok() const { return failure_.empty(); }
    void fail(const std::string& what) {
        if (failure_.empty()) failure_ = what + " at byte " + std::to_string(sent_);
    }
    void put(uint8_t c) {
        board_.send(c);
        ++sent_;
    }
    void gap_send(uint8_t c) {
        board_.send(c);
        board_.level(1, 3);
    }
    void escape() {
        put(0x1B);
        model_.enter();
        settle("ESC");
    }

    // Wait for the expected text, then compare everything.
    void settle(const char* where) {
        const size_t want = model_.out.size();
        const uint64_t limit = uint64_t((double(want) - double(board_.out.size()) + 4) * 10.5 * board_.bit_time);
        for (uint64_t i = 0; board_.out.size() < want && i < limit + 3000; ++i) board_.cycles(1);
        check(where);
    }
    void check(const char* where) {
        if (board_.out != model_.out) {
            size_t at = 0;
            while (at < board_.out.size() && at < model_.out.size() && board_.out[at] == model_.out[at]) ++at;
            fail(std::string(where) + ": text differs: expected " + printable(model_.out, at) + ", got " +
                 printable(board_.out, at));
        }
        if (board_.to_processor != model_.to_processor) fail(std::string(where) + ": stdin differs");
        if (board_.pins().gpo_o != model_.gpo) fail(std::string(where) + ": GPO differs");
        if (board_.pins().cpu_hold_o != (model_.gpo & 1)) fail(std::string(where) + ": reset hold differs");
        if (!board_.violation.empty()) fail(board_.violation);
        // Text that was compared once need not be kept.
        board_.out.clear();
        model_.out.clear();
    }
    static std::string printable(const std::string& text, size_t at) {
        std::string result;
        for (size_t i = at > 8 ? at - 8 : 0; i < text.size() && i < at + 12; ++i) {
            const unsigned char c = (unsigned char)text[i];
            result += c > 31 && c < 127 && c != '"' && c != '\\' ? std::string(1, char(c)) : hex(c, 2);
        }
        return result;
    }

    void feed(uint8_t c) {
        const bool end = model_.monitor() && !model_.uploading() && (c == '\n' || c == '\r');
        if (end) {
            ++lines_;
            board_.stdin_full = model_.stdin_full = board_.draw(4) == 0;
            board_.pins().gpi_i = model_.gpi = uint8_t(board_.draw(256));
        }
        const uint64_t writes = board_.writes;
        put(c);
        model_.byte(c);
        if (model_.busy()) perform(writes);
        if (end || !model_.out.empty()) settle("answer");
        if (!model_.monitor()) {
            board_.stdin_full = false;
            board_.cycles(60);
            settle("stdin");
        }
        if (end && ok() && model_.ram != board_.ram) fail("memory differs");
        if (model_.uploading() && board_.draw(150) == 0) {
            board_.level(1, double(idle_));
            model_.silence();
            settle("silence");
        }
    }

    // A command that would take long is ended by ESC; how far it came decides what is expected.
    void perform(uint64_t writes) {
        const uint64_t many = model_.command() == 'R' ? 12 : 500;
        if (model_.left() <= many) {
            while (model_.busy()) model_.step();
            return;
        }
        board_.level(1, 20 + board_.draw(300));
        if (board_.draw(2)) put('q');  // ESC takes its place
        put(0x1B);
        quiet();
        if (model_.command() == 'R') {
            do model_.step();
            while (model_.busy() && board_.out.compare(0, model_.out.size() + 2, model_.out + "R ") == 0);
            if (model_.busy() && board_.out.compare(0, model_.out.size() + 2, model_.out + "R!") == 0) model_.step();
        } else {
            const uint64_t done = board_.writes - writes;
            if (model_.command() == 'F') for (uint64_t i = 0; i < done && model_.busy(); ++i) model_.step();
            const std::string letter(1, model_.command());
            if (model_.busy() && board_.out.compare(0, 1, letter) == 0) model_.step();
        }
        model_.stop();
    }

    void quiet() {
        for (uint64_t idle = 0, i = 0; idle < 60 * uint64_t(board_.bit_time) + 800 && i < 2000000; ++i) {
            board_.cycles(1);
            idle = board_.line_idle() && board_.pins().tx_o ? idle + 1 : 0;
        }
    }

    // Silence ends an upload, the first ESC any other command; the second must be answered by the prompt alone.
    void recover() {
        board_.level(1, double(idle_));
        put(0x1B);
        quiet();
        board_.out.clear();
        put(0x1B);
        quiet();
        if (board_.out != "\n\r]") fail("no prompt after ESC, but " + printable(board_.out, 0));
        if (!board_.violation.empty()) fail(board_.violation);
        board_.out.clear();
        model_ = Model();
        model_.enter();
        model_.out.clear();
        model_.gpo = board_.pins().gpo_o;
        board_.to_processor.clear();
    }

    void command(const std::string& text) {
        for (char c : text) {
            put(uint8_t(c));
            model_.byte(uint8_t(c));
        }
        settle("command");
    }

    void speak() {
        if (model_.uploading()) return;
        for (uint32_t n = 1 + board_.draw(3); n; --n) {
            const uint8_t c = uint8_t(board_.draw(256));
            board_.from_processor.push_back(c);
            model_.stdout_byte(c);
        }
        settle("stdout");
    }

    char symbol() {
        static const char set[] = "ARWFUPSCMVXx0123456789abcdefABCDEF  \t!?g\n\r\n\r\n\r\x1b\x1b\x04";
        return set[board_.draw(sizeof set)];  // the NUL at the end, too
    }

    std::string number(uint32_t digits) {
        std::string text;
        while (digits--) text += "0123456789abcdefABCDEF"[board_.draw(22)];
        return text;
    }

    // Mostly small, seldom so large that only ESC ends the command.
    std::string amount(uint32_t digits) { return number(board_.draw(12) ? digits : 4); }

    // A line that makes sense, a random character, or a random byte.
    std::string chunk() {
        const uint32_t kind = board_.draw(10);
        if (kind == 0) return std::string(1, char(board_.draw(256)));
        if (kind <= 2) return std::string(1, symbol());
        const char end = board_.draw(2) ? '\n' : '\r';
        const std::string eol(1, end);
        if (!model_.monitor()) return "\x1b";
        switch (board_.draw(16)) {
            case 0: case 1: case 2: {
                static const uint32_t bases[] = {kRamBase, kRamBase, kRamBase + 0xFF80, kHang << 28, 0x20000000};
                uint32_t address = bases[board_.draw(board_.draw(4) ? 3 : 5)] + board_.draw(0x100);
                if (board_.draw(3)) address &= ~3u;
                return "A " + hex(address, 8) + eol;
            }
            case 3: case 4: return "W" + number(1 + board_.draw(8)) + eol;
            case 5: case 6: return "R" + (board_.draw(2) ? "" : std::string(board_.draw(6), '0') + amount(1)) + eol;
            case 7: return "F" + std::string(board_.draw(4), '0') + amount(2) + eol;
            case 8: case 9: {
                const uint32_t count = board_.draw(40);
                std::string text = "U " + hex(count, 2) + eol;
                for (uint32_t i = 0; i < count; ++i) text += char(board_.draw(256));
                return text;
            }
            case 10: return "P" + std::string(board_.draw(4), '0') + amount(2) + eol;
            case 11: {
                uint32_t mask = ~0u;  // few bits, so that polls sometimes match
                for (int i = 0; i < 5; ++i) mask &= board_.draw(~0u);
                return "M" + (board_.draw(4) ? hex(mask, 8) : number(board_.draw(9))) + eol;
            }
            case 12: return "V" + number(board_.draw(11)) + eol;
            case 13: return "C" + (board_.draw(4) ? number(3) : number(board_.draw(5))) + eol;
            case 14: return "S" + number(2) + eol;
            default: return board_.draw(3) ? eol : board_.draw(2) ? "X" + eol : std::string("A\nM\nV\nC\n");
        }
    }
};

}  // namespace adp

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    const unsigned seed = unsigned(atoi(argv[1]));
    const double bit_time = atof(argv[2]);
    adp::Board board(argc, argv, seed);
    board.bounded = argc > 5 && std::string(argv[5]) == "bounded";
    adp::Session session(board, adp::kIdleBits);
    session.connect(13.37, bit_time);
    if (std::string(argv[3]) == "storm") session.storm(strtoull(argv[4], nullptr, 10));
    else session.paced(strtoull(argv[4], nullptr, 10));
    session.print(board.cycle());
    return 0;
}
