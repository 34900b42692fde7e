"""stc.attention in PyTorch, beside a softmax under the pattern's mask in float64.

usage: attention_test.py FOLDER    (of the commands)
"""

import math
import random
import sys
import unittest
import warnings

import stc

sys.argv.pop()

from beside_masks import BHND, BNHD, SEED, OwnCache, gradients, masked, opcheck, tensors, torch


class Attention(OwnCache):
    def check(self, inputs, pattern, tolerance=1e-5, **options):
        layout, scale = options.get("layout", BHND), options.get("scale")
        found = stc.attention(*inputs, pattern, return_lse=True, **options)
        expected = masked(*inputs, pattern, scale, layout)
        weights = [torch.randn_like(result) for result in found]
        for what, one, other in [
            ("outputs", found, expected),
            ("gradients", gradients(found, weights, inputs), gradients(expected, weights, inputs)),
            (
                "gradients of the output",
                gradients(found[:1], weights, inputs),
                gradients(expected[:1], weights, inputs),
            ),
        ]:
            for k, (a, b) in enumerate(zip(one, other)):
                with self.subTest(what, number=k):
                    torch.testing.assert_close(a.double(), b.double(), rtol=tolerance, atol=tolerance)
        self.assertEqual(found[0].dtype, inputs[0].dtype)

    def test_patterns(self):
        self.check(tensors(2, 50, 16, batch=2), stc.local(8) | stc.sinks(2))
        self.check(tensors(1, 37, 8), stc.Pattern(lambda b, h, i, j: abs(i - j) <= 5), scale=-0.5)

    def test_heads_and_sizes(self):
        pattern = stc.Pattern([stc.local(4), stc.strided(5)])
        self.check(tensors(6, 33, 12, key_heads=2, value_size=20), pattern, enable_gqa=True)
        self.check(
            tensors(4, 33, 12, key_heads=1, value_size=7, layout=BNHD), stc.local(9), enable_gqa=True, layout=BNHD
        )

    def test_random_cases(self):
        choose = random.Random(SEED)
        for _ in range(3):
            key_heads, layout = choose.choice([1, 2]), choose.choice([BHND, BNHD])
            inputs = tensors(
                key_heads * choose.choice([1, 3]),
                choose.randint(1, 70),
                choose.randint(1, 40),
                batch=choose.randint(1, 2),
                key_heads=key_heads,
                value_size=choose.randint(1, 40),
                layout=layout,
            )
            pattern = stc.Pattern(
                choose.choice(["local(5)", "strided(7)", "fixed(8, 2)", "dense", "{ [i] -> [j] : (i + j) mod 3 = 0 }"])
            )
            with self.subTest(shapes=[list(x.shape) for x in inputs], pattern=pattern, layout=layout):
                self.check(inputs, pattern, 3e-5, enable_gqa=True, layout=layout)

    def test_rows_without_keys(self):
        inputs = tensors(1, 20, 8)
        pattern = stc.Pattern(lambda b, h, i, j: j < i - 3)
        self.check(inputs, pattern)
        output, logsumexp = stc.attention(*inputs, pattern, return_lse=True)
        self.assertEqual(output[:, :, :4].abs().max(), 0)
        self.assertTrue(bool((logsumexp[:, :, :4] == -math.inf).all()))
        grads = torch.autograd.grad([output.sum() + logsumexp[:, :, 4:].sum()], inputs)
        self.assertEqual(grads[0][:, :, :4].abs().max(), 0)

    def test_what_is_a_pattern(self):
        inputs = tensors(2, 20, 8)
        expected = stc.attention(*inputs, stc.local(4))
        for pattern in ("local(4)", " local(\n4)", lambda b, h, i, j: (j <= i) & (i - j <= 4)):
            torch.testing.assert_close(stc.attention(*inputs, pattern), expected)
        widths = [4, 9]
        found = stc.attention(*inputs, lambda b, h, i, j: (j <= i) & (i - j <= widths[h]))
        torch.testing.assert_close(found[:, :1], expected[:, :1])
        torch.testing.assert_close(found, stc.attention(*inputs, [stc.local(4), stc.local(9)]))
        torch.testing.assert_close(found, stc.attention(*inputs, "[local(4), local(9)]"))
        # Wider than the sequence.
        torch.testing.assert_close(stc.attention(*inputs, stc.local(100)), stc.attention(*inputs, "dense"))

    def test_strides(self):
        inputs = tensors(2, 20, 8)
        expected = stc.attention(*inputs, stc.local(4))
        strided = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in inputs]
        self.assertTrue(torch.equal(stc.attention(*strided, stc.local(4)), expected))
        wide = [torch.stack([x, x], dim=-1)[..., 0] for x in inputs]
        self.assertTrue(torch.equal(stc.attention(*wide, stc.local(4)), expected))
        same = inputs[0][:1].expand(2, 2, 20, 8)
        self.check([same.clone(), same, same], stc.local(4))

    def test_as_pytorch(self):
        inputs = tensors(4, 30, 16, key_heads=2)
        found = stc.attention(*inputs, "dense", enable_gqa=True)
        expected = torch.nn.functional.scaled_dot_product_attention(*inputs, is_causal=True, enable_gqa=True)
        torch.testing.assert_close(found, expected)

    def test_other_types(self):
        sys.modules["stc._attention"]._say_conversion.cache_clear()
        for dtype, tolerance in [(torch.float64, 1e-5), (torch.bfloat16, 0.03), (torch.float16, 0.004)]:
            inputs = tensors(2, 50, 16, dtype=dtype)
            with self.assertWarnsRegex(UserWarning, f"computes {dtype} in float32"):
                stc.attention(*inputs, stc.local(8))
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                self.check(inputs, stc.local(8), tolerance)

    def test_autocast(self):
        q, k, v = tensors(2, 50, 16)
        with torch.autocast("cpu", torch.bfloat16), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = stc.attention(q.bfloat16(), k, v, stc.local(8))
        self.assertEqual(output.dtype, torch.bfloat16)
        (grad,) = torch.autograd.grad(output.float().sum(), [v])
        self.assertEqual(grad.dtype, torch.float32)

    def test_some_gradients(self):
        q, k, v = tensors(2, 50, 16)
        expected = torch.autograd.grad(stc.attention(q, k, v, stc.local(8)).sum(), [k])
        found = torch.autograd.grad(stc.attention(q.detach(), k, v.detach(), stc.local(8)).sum(), [k])
        self.assertTrue(torch.equal(found[0], expected[0]))
        self.assertFalse(stc.attention(q.detach(), k.detach(), v.detach(), stc.local(8)).requires_grad)
        (only,) = torch.autograd.grad(stc.attention(q, k, v, stc.local(8), return_lse=True)[1].sum(), [q])
        (mask,) = torch.autograd.grad(masked(q, k, v, stc.local(8))[1].sum(), [q])
        torch.testing.assert_close(only, mask)

    def test_no_second_derivative(self):
        q, k, v = tensors(2, 50, 16)
        (grad,) = torch.autograd.grad(stc.attention(q, k, v, stc.local(8)).sum(), [q], create_graph=True)
        with self.assertRaisesRegex(RuntimeError, "expected a first derivative, found one taken of a gradient"):
            torch.autograd.grad(grad.sum(), [q])

    def test_the_same_bits(self):
        inputs = tensors(4, 300, 16, key_heads=1, batch=2)

        def run():
            output = stc.attention(*inputs, stc.strided(16), enable_gqa=True)
            return [output, *torch.autograd.grad(output.square().sum(), inputs)]

        first = run()
        for _ in range(5):
            for one, other in zip(run(), first):
                self.assertTrue(torch.equal(one, other))

    def test_opcheck(self):
        opcheck(*tensors(4, 50, 16, key_heads=2, value_size=8), "local(4)\nstrided(5)")

    def test_compiled(self):
        inputs, pattern = tensors(2, 50, 16), stc.local(8)

        def layer(q, k, v):
            output, logsumexp = stc.attention(q * 2, k, v, pattern, return_lse=True)
            also = stc.attention(q, k, v, "local(8)")
            return (output * output).sum() + logsumexp.sum() + also.sum()

        found = torch.compile(layer, fullgraph=True)(*inputs)
        expected = layer(*inputs)
        torch.testing.assert_close(found, expected)
        for one, other in zip(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs)):
            torch.testing.assert_close(one, other)

    def test_found_in_the_cache(self):
        inputs = tensors(2, 21, 16)
        before = stc.cache.info()
        for _ in range(3):
            stc.attention(*inputs, stc.local(8)).sum().backward()
        stc.cache.program.cache_clear()
        stc.attention(*inputs, stc.local(8)).sum().backward()
        now = stc.cache.info()
        self.assertEqual((now.compiled - before.compiled, now.loaded - before.loaded), (2, 2))

    def test_errors(self):
        def x(*shape, **options):
            return torch.zeros(*(shape or (1, 2, 10, 4)), **options)

        p = stc.local(3)
        for error, words, arguments in [
            (TypeError, "expected tensors for q, k and v, found a list", [[1.0], x(), x(), p]),
            (TypeError, "one dtype of torch.float32, .* found torch.int64", [x().long()] * 3 + [p]),
            (TypeError, "found torch.float32, torch.float64 and", [x(), x().double(), x(), p]),
            (ValueError, "on one device, found cpu, meta and cpu", [x(), x(device="meta"), x(), p]),
            (ValueError, "expected tensors on the CPU or a GPU .* found meta", [x(device="meta")] * 3 + [p]),
            (ValueError, "four dimensions, bhnd, found .10, 4.", [x(10, 4)] * 3 + [p]),
            (ValueError, "not empty", [x(1, 2, 0, 4)] * 3 + [p]),
            (ValueError, "equal batches", [x(2, 2, 10, 4), x(), x(), p]),
            (ValueError, "equal lengths", [x(1, 2, 9, 4), x(), x(), p]),
            (ValueError, "equal sizes of the heads", [x(1, 2, 10, 5), x(), x(), p]),
            (ValueError, "equally many heads of k and v", [x(), x(), x(1, 1, 10, 4), p]),
            (ValueError, "or enable_gqa=True", [x(1, 4, 10, 4), x(), x(), p]),
            (ValueError, "that the one of k divides", [x(1, 3, 10, 4), x(), x(), p, None, BHND, True]),
            (ValueError, "layout 'bhnd' or 'bnhd', found 'hnd'", [x(), x(), x(), p, None, "hnd"]),
            (TypeError, "expected a number for scale, found a str", [x(), x(), x(), p, "1"]),
            (ValueError, "expected a finite scale, found inf", [x(), x(), x(), p, math.inf]),
            (TypeError, "expected a pattern's text, a mask function .* found 7", [x(), x(), x(), 7]),
            (ValueError, "pattern 'lokal\\(3\\)'", [x(), x(), x(), "lokal(3)"]),
            (stc.TraceError, r"found \* of a position and a position", [x(), x(), x(), lambda b, h, i, j: i * j < 3]),
        ]:
            with self.subTest(words), self.assertRaisesRegex(error, words):
                stc.attention(*arguments)


if __name__ == "__main__":
    unittest.main()
