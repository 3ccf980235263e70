/* What the provers are told of C's arithmetic on unsigned numbers, and no more: WP leaves shifts, masks and conversions to unsigned types
 * opaque. Each line is C17 (6.3.1.3, 6.5.3.3, 6.5.7, 6.5.10, 6.5.12) on numbers from 0 up; test_exhaustive.c tries each on the machine. */
#ifndef PROOFS_ARITHMETIC_H
#define PROOFS_ARITHMETIC_H
/*@ axiomatic unsigned_arithmetic {
      axiom to_8:  \forall integer x; 0 <= x ==> (unsigned char)x == x % 0x100;
      axiom to_16: \forall integer x; 0 <= x ==> (unsigned short)x == x % 0x10000;
      axiom to_32: \forall integer x; 0 <= x ==> (unsigned int)x == x % 0x100000000;
      axiom to_64: \forall integer x; 0 <= x ==> (unsigned long)x == x % 0x10000000000000000;

      axiom left_8:   \forall integer x; 0 <= x ==> (x << 8) == x * 0x100;
      axiom left_16:  \forall integer x; 0 <= x ==> (x << 16) == x * 0x10000;
      axiom left_32:  \forall integer x; 0 <= x ==> (x << 32) == x * 0x100000000;
      axiom right_3:  \forall integer x; 0 <= x ==> (x >> 3) == x / 8;
      axiom right_8:  \forall integer x; 0 <= x ==> (x >> 8) == x / 0x100;
      axiom right_16: \forall integer x; 0 <= x ==> (x >> 16) == x / 0x10000;
      axiom right_32: \forall integer x; 0 <= x ==> (x >> 32) == x / 0x100000000;

      axiom or_8:  \forall integer a, b; 0 <= a < 0x100 && 0 <= b && b % 0x100 == 0 ==> (a | b) == a + b;
      axiom or_16: \forall integer a, b; 0 <= a < 0x10000 && 0 <= b && b % 0x10000 == 0 ==> (a | b) == a + b;
      axiom or_32: \forall integer a, b; 0 <= a < 0x100000000 && 0 <= b && b % 0x100000000 == 0 ==> (a | b) == a + b;
      axiom or_8_turned:  \forall integer a, b; 0 <= b < 0x100 && 0 <= a && a % 0x100 == 0 ==> (a | b) == a + b;
      axiom or_16_turned: \forall integer a, b; 0 <= b < 0x10000 && 0 <= a && a % 0x10000 == 0 ==> (a | b) == a + b;
      axiom or_32_turned: \forall integer a, b; 0 <= b < 0x100000000 && 0 <= a && a % 0x100000000 == 0 ==> (a | b) == a + b;
    }

    predicate is_block(integer b) = b == 512 || b == 1024 || b == 2048 || b == 4096 || b == 8192 || b == 16384 ||
                                    b == 32768 || b == 65536;
    logic integer start(integer x, integer b) =
      b == 512 ? x - x % 512 : b == 1024 ? x - x % 1024 : b == 2048 ? x - x % 2048 : b == 4096 ? x - x % 4096 :
      b == 8192 ? x - x % 8192 : b == 16384 ? x - x % 16384 : b == 32768 ? x - x % 32768 : x - x % 65536;

    axiomatic masks {
      axiom whole_blocks: \forall integer x, b; 0 <= x && is_block(b) ==> (x & (unsigned long)~(b - 1)) == start(x, b);
      axiom whole_words:  \forall integer x; 0 <= x < 0x100000000 ==> (x & 0xFFFFFFFC) == x - x % 4;
    }

    lemma mask_is_near: \forall integer x, b; 0 <= x && is_block(b) ==>
      x - b < (x & (unsigned long)~(b - 1)) <= x && 0 <= (x & (unsigned long)~(b - 1)) &&
      (b <= x ==> b <= (x & (unsigned long)~(b - 1)));
    lemma mask_is_final: \forall integer x, b; 0 <= x && is_block(b) ==>
      start(x & (unsigned long)~(b - 1), b) == (x & (unsigned long)~(b - 1)); */

#endif
