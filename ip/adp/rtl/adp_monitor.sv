// SPDX-License-Identifier: Apache-2.0
//
// The monitor of the debug port: reads command lines, performs them, writes the answers.
//
// Outside monitor mode the bytes of the host go to the processor's stdin and those of its stdout to the
// host. README.md describes the commands.

module adp_monitor #(
  parameter int Timeout  = 256,  // Clock cycles until stdin counts as full, 2 to 65535
  parameter int IdleBits = 16    // An upload ends after 2^IdleBits bit times without a byte, 4 to 24
) (
  input  logic        clk_i,          // Clock
  input  logic        rst_ni,         // Reset, active low: asynchronous assertion, synchronous release

  // Serial line
  input  logic        locked_i,       // The bit time is known
  input  logic        found_i,        // One-cycle pulse: the ESC that told the bit time came in
  input  logic        tick_i,         // One-cycle pulse per bit time
  input  logic        rx_valid_i,     // One-cycle pulse: rx_data_i is a received byte
  input  logic [7:0]  rx_data_i,      // Received byte
  output logic        tx_valid_o,     // tx_data_o is a byte to send
  input  logic        tx_ready_i,     // The byte is taken in this cycle
  output logic [7:0]  tx_data_o,      // Byte to send

  // Bus
  input  logic        idle_i,         // The next five may change
  output logic        start_o,        // One-cycle pulse: access
  output logic        write_o,        // 1 write, 0 read
  output logic [1:0]  size_o,         // 0 byte, 1 halfword, 2 word
  output logic [31:0] addr_o,         // Byte address
  output logic [31:0] wdata_o,        // Write data
  input  logic        done_i,         // One-cycle pulse: the access has ended
  input  logic        error_i,        // With done_i: it failed
  input  logic [31:0] rdata_i,        // With done_i: read data

  // Processor
  output logic        stdin_valid_o,  // stdin_data_o is a byte for the processor
  input  logic        stdin_ready_i,  // The byte is taken in this cycle
  output logic [7:0]  stdin_data_o,   // Byte
  input  logic        stdout_valid_i, // stdout_data_i is a byte of the processor
  output logic        stdout_ready_o, // The byte is taken in this cycle
  input  logic [7:0]  stdout_data_i,  // Byte
  output logic [7:0]  gpo_o,          // General outputs
  input  logic [7:0]  gpi_i           // General inputs, synchronous to the clock
);

  localparam logic [7:0] Nul = 8'h00, Eot = 8'h04, Tab = 8'h09, Lf = 8'h0A, Cr = 8'h0D, Esc = 8'h1B;

  localparam int TimeBits  = $clog2(Timeout);
  localparam int LimitBits = (TimeBits > IdleBits) ? TimeBits : IdleBits;

  localparam logic [2:0] Through = 3'd0;  // Not in monitor mode
  localparam logic [2:0] Line    = 3'd1;  // Read a command line
  localparam logic [2:0] Run     = 3'd2;  // The line is complete
  localparam logic [2:0] Access  = 3'd3;  // Start a bus access
  localparam logic [2:0] Wait    = 3'd4;  // Wait for its end
  localparam logic [2:0] Upload  = 3'd5;  // Wait for a raw byte
  localparam logic [2:0] Push    = 3'd6;  // Wait for stdin
  localparam logic [2:0] Say     = 3'd7;  // Send an answer

  // Characters of an answer: letter, mark, 0, x, eight digits, LF, CR, prompt
  localparam logic [3:0] SayLetter = 4'd0, SayDigits = 4'd4, SayLf = 4'd12, SayCr = 4'd13, SayPrompt = 4'd14;

  localparam logic [1:0] Good = 2'd0, Failed = 2'd1, NoMatch = 2'd2;  // Marks of an answer

  // A code of few bits is smaller here than the one bit for each state that Yosys would choose.
  logic [2:0]  state_d;
  (* fsm_encoding = "none" *) logic [2:0]  state_q;
  logic [7:0]  cmd_q, cmd_d;      // Letter of the command, NUL before there is one
  logic [31:0] arg_q;      // Argument; then the accesses left
  logic [3:0]  digits_q, digits_d;   // Digits of the argument, up to 8
  logic        bad_q, bad_d;      // The line is not a command
  logic [31:0] addr_q;
  logic [31:0] mask_q;
  logic [31:0] value_q;
  logic [7:0]  gpo_q, gpo_d;
  logic [1:0]  size_q, size_d;     // Size of the accesses of this command
  logic [31:0] data_q;     // Write data, and number in the answer
  logic        failed_q, failed_d;   // An access of this upload failed

  /////////////////////////
  // Bytes from the host //
  /////////////////////////

  // One byte waits here. An ESC takes the place of a waiting byte, so that it ends every command.
  logic       hold_valid_q;
  logic [7:0] hold_q;
  logic       take;
  logic       raw;
  logic       is_esc;
  logic       lost;

  assign raw    = (state_q == Upload) | (((state_q == Access) | (state_q == Wait)) & (cmd_q == "U"));
  assign is_esc = hold_valid_q & (hold_q == Esc);
  assign lost   = rx_valid_i & hold_valid_q & ~take;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      hold_valid_q <= 1'b0;
    end else begin
      hold_valid_q <= locked_i & (rx_valid_i | (hold_valid_q & ~take));
    end
  end

  always_ff @(posedge clk_i) begin
    if (rx_valid_i & (~hold_valid_q | take | (rx_data_i == Esc))) hold_q <= rx_data_i;
  end

  ///////////////////
  // Line's syntax //
  ///////////////////

  logic       is_digit;
  logic       is_letter_digit;
  logic       is_prefix;
  logic       is_space;
  logic       is_end;
  logic       is_leave;
  logic [3:0] nibble;
  logic [7:0] upper;

  assign upper           = {hold_q[7:6], hold_q[5] & ~hold_q[6], hold_q[4:0]};
  assign is_digit        = (hold_q >= "0") & (hold_q <= "9");
  assign is_letter_digit = (upper >= "A") & (upper <= "F");
  assign nibble          = hold_q[3:0] + (is_letter_digit ? 4'd9 : 4'd0);
  assign is_prefix       = (upper == "X") & (digits_q == 4'd1) & (arg_q == 32'd0);
  assign is_space        = (hold_q == " ") | (hold_q == Tab);
  assign is_end          = (hold_q == Lf) | (hold_q == Cr);
  assign is_leave        = (hold_q == Nul) | (hold_q == Eot);

  //////////////
  // Commands //
  //////////////

  logic        has_arg;
  logic        is_access;
  logic        is_block;  // It answers with the address behind the last access
  logic        needs_arg;
  logic        known;
  logic        gpo_command;
  logic        accepted;
  logic [7:0]  gpo;
  logic [1:0]  size;
  logic        misaligned;
  logic        match;
  logic        last;

  assign has_arg     = digits_q != 4'd0;
  assign is_access   = (cmd_q == "R") | (cmd_q == "W") | (cmd_q == "F") | (cmd_q == "P") | (cmd_q == "U");
  assign is_block    = (cmd_q == "F") | (cmd_q == "U");
  assign needs_arg   = (cmd_q == "W") | (cmd_q == "U") | (cmd_q == "S");
  assign known       = is_access | (cmd_q == "A") | (cmd_q == "M") | (cmd_q == "V") | (cmd_q == "S") |
                       (cmd_q == "C") | (cmd_q == "X");
  assign gpo_command = (arg_q[31:8] >= 24'd1) & (arg_q[31:8] <= 24'd3);
  assign accepted    = known & ~bad_q & (has_arg | ~needs_arg) & ~((cmd_q == "C") & has_arg & ~gpo_command);
  assign gpo         = ~has_arg                 ? gpo_q :
                       (arg_q[9:8] == 2'd1)     ? gpo_q & ~arg_q[7:0] :
                       (arg_q[9:8] == 2'd2)     ? gpo_q | arg_q[7:0] : arg_q[7:0];
  assign size        = (cmd_q == "U")           ? 2'd0 :
                       ~has_arg                 ? 2'd2 :
                       (digits_q <= 4'd2)       ? 2'd0 :
                       (digits_q <= 4'd4)       ? 2'd1 : 2'd2;
  assign misaligned  = (size_q[1] & (addr_q[1:0] != 2'b00)) | (size_q[0] & addr_q[0]);
  assign last        = arg_q == 32'd1;

  logic [31:0] size_mask;
  logic [31:0] step;
  logic [31:0] next;     // Address behind the access
  logic        nothing;  // No access at all is wanted

  assign size_mask = (size_q == 2'd0) ? 32'h0000_00FF : (size_q == 2'd1) ? 32'h0000_FFFF : 32'hFFFF_FFFF;
  assign step      = (size_q == 2'd0) ? 32'd1 : (size_q == 2'd1) ? 32'd2 : 32'd4;
  assign next      = addr_q + step;
  assign nothing   = has_arg & (arg_q == 32'd0);
  assign match     = ((rdata_i ^ value_q) & mask_q & size_mask) == 32'd0;

  // ESC ends a command between two accesses. A misaligned access fails without reaching the bus.
  logic is_stopped;
  logic ended;
  logic failed;
  logic stop;

  assign is_stopped = is_esc & (cmd_q != "U");
  assign ended  = ((state_q == Wait) & done_i) | ((state_q == Access) & ~is_stopped & misaligned);
  assign failed = (state_q == Access) | error_i;
  assign stop   = (cmd_q == "P") & match & ~failed;

  assign start_o = (state_q == Access) & ~is_stopped & ~misaligned;
  assign write_o = (cmd_q == "W") | (cmd_q == "F") | (cmd_q == "U");
  assign size_o  = size_q;
  assign addr_o  = addr_q;
  assign wdata_o = data_q;

  ///////////////////////
  // Limits on waiting //
  ///////////////////////

  logic [LimitBits-1:0] waited_q;  // Bit times without a byte in an upload; cycles that stdin is full
  logic                 waits;
  logic                 idle_over;
  logic                 push_over;

  assign waits     = ((state_q == Upload) & ~hold_valid_q) | (state_q == Push);
  assign idle_over = (state_q == Upload) & ~hold_valid_q & (&waited_q[IdleBits-1:0]);
  assign push_over = (state_q == Push) & (waited_q[TimeBits-1:0] == $unsigned(TimeBits'(Timeout - 1)));

  always_ff @(posedge clk_i) begin
    if (~waits | tick_i | (state_q == Push)) waited_q <= (waited_q + 1'b1) & {LimitBits{waits}};
  end

  //////////////////////
  // Text to the host //
  //////////////////////

  logic [3:0]  say_q, say_d;      // Next character of the answer
  logic [1:0]  mark_q, mark_d;     // Good, Failed or NoMatch
  logic [1:0]  shown_q, shown_d;    // Digits: 2, 4 or 8
  logic        more_q, more_d;     // The command goes on after this answer
  logic        lone_q, lone_d;     // Only the letter
  logic        sent;

  logic [7:0]  say_char;
  logic [7:0]  mark;
  logic [4:0]  digit_low;
  logic [3:0]  digit;

  assign mark      = (mark_q == Failed) ? "!" : (mark_q == NoMatch) ? "?" : " ";
  assign digit_low = {3'd3 - say_q[2:0], 2'b00};  // the first digit is the highest
  assign digit     = data_q[digit_low +: 4];

  assign say_char = (say_q == SayLetter) ? (lone_q ? "?" : cmd_q) :
                    (say_q == 4'd1)      ? mark :
                    (say_q == 4'd2)      ? "0" :
                    (say_q == 4'd3)      ? "x" :
                    (say_q == SayLf)     ? Lf :
                    (say_q == SayCr)     ? Cr :
                    (say_q == SayPrompt) ? "]" :
                    (digit < 4'd10)      ? 8'h30 + {4'h0, digit} : 8'h37 + {4'h0, digit};

  // Output of the processor: as it is outside monitor mode, <c> in it; dropped before the link is up.
  logic [1:0] wrap_q;      // Next character of <c>
  logic       wrapping;

  assign wrapping = (wrap_q != 2'd0) | ((state_q == Line) & stdout_valid_i);

  assign sent           = (state_q == Say) & ~wrapping & tx_ready_i;
  assign tx_valid_o     = wrapping | (state_q == Say) | ((state_q == Through) & stdout_valid_i);
  assign tx_data_o      = wrapping ? ((wrap_q == 2'd0) ? "<" : (wrap_q == 2'd1) ? stdout_data_i : ">") :
                          (state_q == Say) ? say_char : stdout_data_i;
  assign stdout_ready_o = ~locked_i | (tx_ready_i & (wrapping ? wrap_q == 2'd1 : state_q == Through));

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wrap_q <= 2'd0;
    end else if (!locked_i) begin
      wrap_q <= 2'd0;
    end else if (wrapping & tx_ready_i) begin
      wrap_q <= (wrap_q == 2'd2) ? 2'd0 : wrap_q + 2'd1;
    end
  end

  //////////////
  // Sequence //
  //////////////

  assign take = hold_valid_q & ((state_q == Line) | (state_q == Upload) |
                ((state_q == Access) & is_stopped) |
                ((state_q == Through) & (is_esc | stdin_ready_i)));

  assign stdin_valid_o = ((state_q == Through) & hold_valid_q & ~is_esc) | ((state_q == Push) & ~push_over);
  assign stdin_data_o  = (state_q == Through) ? hold_q : arg_q[7:0];
  assign gpo_o         = gpo_q;

  // What the wide registers take over
  logic arg_shift, arg_one, arg_less, arg_clear, addr_load, addr_step, mask_load, value_load;
  logic data_arg, data_addr, data_mask, data_value, data_read, data_byte, data_gpo;

  always_comb begin
    state_d  = state_q;
    cmd_d    = cmd_q;
    digits_d = digits_q;
    bad_d    = bad_q;
    gpo_d    = gpo_q;
    size_d   = size_q;
    failed_d = failed_q;
    say_d    = say_q;
    mark_d   = mark_q;
    shown_d  = shown_q;
    more_d   = more_q;
    lone_d   = lone_q;

    arg_shift  = 1'b0;
    arg_one    = 1'b0;
    arg_less   = 1'b0;
    arg_clear  = 1'b0;
    addr_load  = 1'b0;
    addr_step  = 1'b0;
    mask_load  = 1'b0;
    value_load = 1'b0;
    data_arg   = 1'b0;
    data_addr  = 1'b0;
    data_mask  = 1'b0;
    data_value = 1'b0;
    data_read  = 1'b0;
    data_byte  = 1'b0;
    data_gpo   = 1'b0;

    if (found_i | (~locked_i)) begin
      state_d = found_i ? Say : Through;
      say_d   = SayLf;
      more_d  = 1'b0;
    end else begin
      case (state_q)
        Through: begin
          if (is_esc) begin
            state_d = Say;
            say_d   = SayLf;
            more_d  = 1'b0;
          end
        end

        Line: begin
          if (hold_valid_q) begin
            if (hold_q == Esc) begin
              state_d = Say;
            end else if (is_leave) begin
              state_d = Through;
            end else if (is_end) begin
              state_d = ((cmd_q == Nul) & ~bad_q) ? Say : Run;
            end else if (!is_space) begin
              if (cmd_q == Nul) begin
                cmd_d = hold_q;
              end else if ((is_digit | is_letter_digit) & (digits_q != 4'd8)) begin
                arg_shift = 1'b1;
                digits_d = digits_q + 4'd1;
              end else if (is_prefix) begin
                digits_d = 4'd0;
              end else begin
                bad_d = 1'b1;
              end
            end
          end
        end

        Run: if (idle_i) begin  // no access of a session before a break is still on the bus
          size_d   = size;
          failed_d = 1'b0;
          mark_d   = Good;
          say_d    = SayLetter;
          lone_d   = ~accepted;
          shown_d  = 2'd2;
          data_arg = has_arg | ~accepted;
          state_d  = Say;
          if (accepted) begin
            case (cmd_q)
              "A": begin
                addr_load = has_arg;
                data_addr = ~has_arg;
              end
              "M": begin
                mask_load = has_arg;
                data_mask = ~has_arg;
              end
              "V": begin
                value_load = has_arg;
                data_value = ~has_arg;
              end
              "C": begin
                gpo_d    = gpo;
                data_arg = 1'b0;
                data_gpo = 1'b1;
                shown_d  = 2'd1;
              end
              "S": begin
                state_d = Push;
                shown_d = 2'd0;
              end
              "X": state_d = Through;
              "W": begin
                arg_one = 1'b1;
                state_d = Access;
              end
              default: begin  // R, F, P, U
                arg_one    = ~has_arg;
                data_arg   = 1'b0;
                data_value = ~nothing;
                data_addr  = nothing;
                state_d    = nothing ? Say : (cmd_q == "U") ? Upload : Access;
              end
            endcase
          end
        end

        Access, Wait: begin
          if (state_q == Access) state_d = is_stopped ? Say : Wait;
          if ((state_q == Access) & is_stopped) say_d = SayLf;
          if (ended) begin
            arg_less = 1'b1;
            say_d    = SayLetter;
            state_d  = Say;
            if (failed) begin
              mark_d   = Failed;
              data_addr = 1'b1;
              shown_d  = 2'd2;
              failed_d = 1'b1;
              if ((cmd_q == "U") & ~last) state_d = Upload;
            end else begin
              addr_step = ~(cmd_q == "P");
              shown_d   = size_q;
              case (cmd_q)
                "R": begin
                  data_read = 1'b1;
                  more_d    = ~last;
                end
                "W": ;  // the data are there
                "P": begin
                  data_read = 1'b1;
                  mark_d    = match ? Good : NoMatch;
                  if (~last & ~stop) state_d = Access;
                end
                default: begin  // F, U
                  if (last) begin
                    shown_d   = 2'd2;
                  end else begin
                    state_d = (cmd_q == "U") ? Upload : Access;
                  end
                end
              endcase
            end
          end
        end

        Upload: begin
          if (hold_valid_q) begin
            if (!failed_q) begin
              data_byte = 1'b1;
              state_d   = Access;
            end else begin
              arg_less = 1'b1;
              if (last) begin
                say_d     = SayLetter;
                state_d   = Say;
              end
            end
          end else if (idle_over) begin
            mark_d  = Failed;
            shown_d = 2'd2;
            say_d   = SayLetter;
            state_d = Say;
          end
        end

        Push: begin
          if (push_over | stdin_ready_i) begin
            mark_d  = push_over ? Failed : Good;
            state_d = Say;
          end
        end

        default: begin  // Say
          data_addr = (say_q == SayLetter) & is_block;  // where it has ended
          if (sent) begin
            say_d = say_q + 4'd1;
            if (say_q == SayLetter) say_d = lone_q ? SayLf : 4'd1;
            if (say_q == 4'd3) begin
              say_d = (shown_q == 2'd0) ? 4'd10 : (shown_q == 2'd1) ? 4'd8 : SayDigits;
            end
            if ((say_q == SayCr) & more_q) begin
              more_d  = 1'b0;
              state_d = Access;
            end
            if (say_q == SayPrompt) begin
              cmd_d    = Nul;
              arg_clear = 1'b1;
              digits_d = 4'd0;
              bad_d    = 1'b0;
              lone_d   = 1'b0;
              more_d   = 1'b0;
              say_d    = SayLf;
              state_d  = Line;
            end
          end
        end
      endcase

      // A byte that is lost spoils an upload from there on; the address stays where it is.
      if (raw & lost) failed_d = 1'b1;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q  <= Through;
      addr_q   <= 32'd0;
      mask_q   <= 32'hFFFF_FFFF;
      value_q  <= 32'd0;
      gpo_q    <= 8'd0;
    end else begin
      state_q  <= state_d;
      gpo_q    <= gpo_d;
      if (mask_load) mask_q <= arg_q;
      if (value_load) value_q <= arg_q;
      if (addr_load | addr_step) addr_q <= (arg_q & {32{addr_load}}) | (next & {32{addr_step}});
    end
  end

  // Entering monitor mode sets the rest.
  always_ff @(posedge clk_i) begin
    cmd_q    <= cmd_d;
    digits_q <= digits_d;
    bad_q    <= bad_d;
    size_q   <= size_d;
    failed_q <= failed_d;
    say_q    <= say_d;
    mark_q   <= mark_d;
    shown_q  <= shown_d;
    more_q   <= more_d;
    lone_q   <= lone_d;
    if (arg_shift | arg_one | arg_less | arg_clear) begin
      arg_q <= ({arg_q[27:0], nibble} & {32{arg_shift}}) | ((arg_q - 32'd1) & {32{arg_less}}) | {31'd0, arg_one};
    end
    if (data_arg | data_addr | data_mask | data_value | data_read | data_byte | data_gpo) begin
      data_q <= (arg_q & {32{data_arg}}) | (addr_q & {32{data_addr}}) | (mask_q & {32{data_mask}}) |
                (value_q & {32{data_value}}) | (rdata_i & {32{data_read}}) |
                {24'd0, hold_q & {8{data_byte}}} | {16'd0, {gpi_i, gpo} & {16{data_gpo}}};
    end
  end

endmodule
