// SPDX-License-Identifier: Apache-2.0
//
// Registers, operands, adder, shifter, multiplier, and what is written back.

module armv6m_datapath #(
  parameter bit FastMul = 1'b0  // Multiplier of one cycle; otherwise one bit for each cycle through the adder
) (
  input  logic        clk_i,         // Clock
  input  logic        ready_i,       // HREADY: nothing moves without it

  // From the decoder
  input  logic [3:0]  ra_i,          // Register A
  input  logic        none_i,        // There is none
  input  logic [3:0]  rb_i,          // Register B
  input  logic [3:0]  rd_i,          // Destination
  input  logic        a_use_i,       // First operand: register A, otherwise 0
  input  logic        a_word_i,      // Without bit 1 of PC
  input  logic        b_use_i,       // Second operand: register B, otherwise imm_i
  input  logic [31:0] imm_i,         // Immediate; 0 with register B
  input  logic        invert_i,      // Invert the second operand
  input  logic        carry_one_i,   // Carry in is 1
  input  logic        carry_flag_i,  // Carry in is the C flag
  input  logic [2:0]  extend_i,      // Extension or reversal
  input  logic        left_i,        // LSL
  input  logic        rotate_i,      // ROR
  input  logic        arith_i,       // ASR
  input  logic [5:0]  amount_i,      // Shift amount without register B, otherwise 0
  input  logic [6:0]  result_i,      // What to write
  input  logic        exchange_i,    // BX, BLX: the first operand is 0, register A the link
  input  logic        multiply_i,    // MULS
  input  logic        mrs_i,         // MRS
  input  logic        msr_i,         // MSR
  input  logic        sysm_i,        // They mean MSP or PSP

  // From the control
  input  logic [3:0]  state_i,       // State
  input  logic [4:0]  count_i,       // Beat, or bit of a multiplication
  input  logic        data_i,        // A data access is in its data phase
  input  logic [3:0]  reg_i,         // Its register
  input  logic        keep_i,        // Keep the address in the address register
  input  logic        base_i,        // The address is register A
  input  logic        frame_i,       // Clear bit 2 of the sum
  input  logic        write_i,       // Write a register
  input  logic        write_load_i,  // The loaded word
  input  logic        write_link_i,  // EXC_RETURN
  input  logic        write_sum_i,   // The sum
  input  logic        write_reg_i,   // To reg_i
  input  logic        write_sp_i,    // To the stack pointer
  input  logic        write_lr_i,    // To LR
  input  logic [1:0]  ret_i,         // EXC_RETURN bits 3:2
  input  logic [5:0]  vector_i,      // Number of the vector to read
  input  logic        align_i,       // Bit 9 of the stacked xPSR

  // Values
  input  logic [31:1] pc_i,          // Address of the instruction
  input  logic [31:2] ahead_i,       // Address of the word after it
  input  logic [31:8] vtor_i,        // Vector table
  input  logic [31:0] load_i,        // Loaded word
  input  logic [31:0] special_i,     // MRS
  input  logic [3:0]  nzcv_i,        // Flags
  input  logic        thumb_i,       // T flag
  input  logic [5:0]  ipsr_i,        // Exception number
  input  logic        psp_i,         // The stack pointer is PSP
  output logic [3:0]  nzcv_o,        // Flags of the result
  output logic [2:0]  sum_o,         // Low bits of the sum
  output logic [31:0] write_o,       // What is written, or where to go
  output logic [31:0] addr_o,        // Address
  output logic [19:0] addr_data_o,   // Address of the data phase
  output logic [31:0] b_o,           // Register B: value of MSR
  output logic [31:0] store_o        // Register to store
);

  logic [15:0] select_a, select_b;
  logic [3:0]  index_b, index_w;
  logic [31:0] file_a, file_b, reg_a, reg_b, b_reg;
  logic [31:0] a, imm, sum, addr_q;
  logic        a_here, a_ahead, b_pc, use_a, use_b, use_addr, invert, carry_in;
  logic        sum_c, sum_v, shift_c;
  logic [31:0] and_word, xor_word, extend_word, shift_word, product, sum_word;
  logic [31:0] write_data, result_word;
  logic [6:0]  result;
  logic        executing, multiplying, first_beat;
  logic        mul_bit, mul_bit_q, mul_top;

  assign executing   = state_i == armv6m_pkg::StExecute;
  assign multiplying = state_i == armv6m_pkg::StMultiply;

  // Stacking and unstacking start at the stack pointer.
  assign first_beat = ((state_i == armv6m_pkg::StStack) | (state_i == armv6m_pkg::StUnstack)) & (count_i == 5'd0);

  ///////////////
  // Registers //
  ///////////////

  // Number 13 of an instruction is MSP (13) or PSP (15) of the file; 15 is the program counter.
  always_comb begin
    for (int i = 0; i < 16; i++) begin
      select_a[i] = (ra_i == $unsigned(4'(i))) & ~none_i & ~first_beat;
      select_b[i] = index_b == $unsigned(4'(i));
    end
    a_here       = executing & exchange_i & ~pc_i[1];
    a_ahead      = select_a[15] | (executing & exchange_i & pc_i[1]);
    b_pc         = select_b[15] & ~data_i;
    select_a[15] = (select_a[13] | first_beat) & psp_i;
    select_a[13] = (select_a[13] | first_beat) & ~psp_i;
    select_b[15] = select_b[13] & ~data_i & (mrs_i ? sysm_i : psp_i);
    select_b[13] = select_b[13] & ~data_i & ~(mrs_i ? sysm_i : psp_i);
  end

  assign index_b = data_i ? reg_i : rb_i;

  always_comb begin
    index_w = rd_i;
    if (write_sp_i) begin
      index_w = 4'd13;
    end else if (write_lr_i) begin
      index_w = 4'd14;
    end else if (write_reg_i) begin
      index_w = reg_i;
    end
    if (index_w == 4'd13) begin
      index_w[1] = (executing & msr_i) ? sysm_i : psp_i;
    end
  end

  armv6m_regfile i_regfile (
    .clk_i      ( clk_i             ),
    .we_i       ( write_i & ready_i ),
    .waddr_i    ( index_w           ),
    .wdata_i    ( write_data        ),
    .select_a_i ( select_a          ),
    .rdata_a_o  ( file_a            ),
    .select_b_i ( select_b          ),
    .rdata_b_o  ( file_b            )
  );

  // What instructions read as PC is 4 ahead; the link of BLX is 2 ahead.
  assign reg_a = file_a | ({ahead_i, pc_i[1] & ~a_word_i & ~exchange_i, 1'b0} & {32{a_ahead}}) |
                 ({pc_i[31:2], 2'b10} & {32{a_here}});
  assign reg_b = file_b | ({ahead_i, pc_i[1], 1'b0} & {32{b_pc}});
  assign b_o   = file_b;

  //////////////
  // Operands //
  //////////////

  // A multiplication by the bits of register A, from bit 30 on: twice the sum so far, plus register B. Bit 31
  // only matters for bit 31 of the product, which the last step adds.
  assign mul_top = (count_i == 5'd31) & reg_a[31] & reg_b[0];

  always_ff @(posedge clk_i) begin
    if (ready_i) begin
      mul_bit_q <= mul_bit;
    end
  end

  assign use_a = (executing & a_use_i & (FastMul | ~multiply_i) & ~exchange_i) | (state_i == armv6m_pkg::StRestore) | first_beat;
  assign use_b = (executing & b_use_i & (FastMul | ~multiply_i)) | (multiplying & mul_bit_q);
  assign b_reg = reg_b & {32{use_b}};

  always_comb begin
    use_addr = 1'b0;
    imm      = 32'd4;
    invert   = 1'b0;
    carry_in = 1'b0;
    case (state_i)
      armv6m_pkg::StExecute: begin
        imm      = imm_i;
        invert   = invert_i;
        carry_in = carry_one_i | (carry_flag_i & nzcv_i[1]);
      end
      armv6m_pkg::StMultiply: imm = 32'd0;
      armv6m_pkg::StLink: begin  // The address that was kept, with the T bit
        use_addr = 1'b1;
        imm      = 32'd1;
      end
      armv6m_pkg::StRestore: begin  // Opposite of the write-back
        imm      = imm_i;
        invert   = ~invert_i;
        carry_in = ~invert_i;
      end
      armv6m_pkg::StStack: begin
        use_addr = ~first_beat;
        if (first_beat) begin  // Minus 32
          imm    = 32'd31;
          invert = 1'b1;
        end
      end
      armv6m_pkg::StUnstack: begin
        use_addr = ~first_beat;
        imm      = {29'd0, ~first_beat, 2'd0};
      end
      armv6m_pkg::StReset, armv6m_pkg::StResetPc, armv6m_pkg::StVector: imm = {vtor_i, vector_i, 2'b00};
      default: use_addr = 1'b1;
    endcase
  end

  assign a = (reg_a & {32{use_a}}) | (addr_q & {32{use_addr}}) |
             ({addr_q[30] ^ mul_top, addr_q[29:0], 1'b0} & {32{multiplying}});

  armv6m_alu i_alu (
    .a_i        ( a           ),
    .b_i        ( b_reg | imm ),
    .invert_i   ( invert      ),
    .carry_i    ( carry_in    ),
    .extend_i   ( extend_i    ),
    .sum_o      ( sum         ),
    .carry_o    ( sum_c       ),
    .overflow_o ( sum_v       ),
    .and_o      ( and_word    ),
    .xor_o      ( xor_word    ),
    .extend_o   ( extend_word )
  );

  armv6m_shifter i_shifter (
    .value_i  ( reg_a                          ),
    .amount_i ( b_reg[7:0] | {2'b00, amount_i} ),
    .left_i   ( left_i                         ),
    .rotate_i ( rotate_i                       ),
    .sign_i   ( arith_i                        ),
    .carry_i  ( nzcv_i[1]                      ),
    .pick_i   ( multiply_i                     ),
    .index_i  ( count_i                        ),
    .result_o ( shift_word                     ),
    .carry_o  ( shift_c                        ),
    .bit_o    ( mul_bit                        )
  );

  if (FastMul) begin : gen_fast
    assign product = reg_a * reg_b;
  end else begin : gen_small
    assign product = 32'd0;
  end

  // The sum is an address, and the sum so far of a multiplication.
  assign sum_o = sum[2:0];
  always_comb begin
    addr_o = base_i ? reg_a : sum;
    if (frame_i) begin
      addr_o[2] = 1'b0;
    end
  end
  assign addr_data_o = addr_q[19:0];

  always_ff @(posedge clk_i) begin
    if (ready_i & keep_i) begin
      addr_q <= addr_o;
    end
  end

  ////////////
  // Result //
  ////////////

  always_comb begin
    sum_word    = sum;
    sum_word[2] = sum[2] & ~frame_i;
  end

  assign result = result_i & {7{~(write_load_i | write_link_i | write_sum_i)}};

  assign write_o    = write_data;
  assign write_data = result_word |
                      (load_i & {32{write_load_i}}) |
                      {29'd0, write_sum_i & (state_i == armv6m_pkg::StUnstack) & load_i[9], 2'd0} |
                      ({28'hFFF_FFFF, ret_i, 2'b01} & {32{write_link_i}});

  // Loads do not set the flags, so the flags do not wait for the loaded word.
  assign result_word = (sum_word & {32{(result[0] | write_sum_i)}}) |
                       (and_word & {32{result[1]}}) |
                       (xor_word & {32{result[2]}}) |
                       (shift_word & {32{result[3]}}) |
                       (extend_word & {32{result[4]}}) |
                       (special_i & {32{result[5]}}) |
                       (product & {32{result[6]}});

  assign nzcv_o = {result_word[31], result_word == 32'd0, result_i[3] ? shift_c : sum_c, sum_v};

  // Stacking: PC is number 15, xPSR is number 13. No other data access has these.
  assign store_o = file_b | ({pc_i, 1'b0} & {32{reg_i == 4'd15}}) |
                   ({nzcv_i, 3'd0, thumb_i, 14'd0, align_i, 3'd0, ipsr_i} & {32{reg_i == 4'd13}});

`ifdef FORMAL
  // What follows the first beat of several is aligned.
  always_comb begin
    if (state_i == armv6m_pkg::StMultiple ||
        (count_i != 5'd0 && (state_i == armv6m_pkg::StStack || state_i == armv6m_pkg::StUnstack))) begin
      assert (addr_q[1:0] == 2'd0);
    end
  end
`endif

endmodule
