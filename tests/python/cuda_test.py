"""stc.attention on a GPU, beside a softmax under the pattern's mask in float64.

usage: cuda_test.py FOLDER    (of the commands)
"""

import random
import sys
import threading
import unittest

import stc

sys.argv.pop()

import beside_masks
from beside_masks import BHND, BNHD, SEED, OwnCache, gradients, masked, opcheck, torch

if not torch.cuda.is_available():
    print("skipped: expected a GPU that PyTorch can use, found none", file=sys.stderr)
    sys.exit(77)

# Products of float32 are in TF32.
TOLERANCE = {torch.float32: 4e-3, torch.float16: 6e-3, torch.bfloat16: 4e-2}


def tensors(*sizes, dtype=torch.bfloat16, **options):
    return beside_masks.tensors(*sizes, dtype=dtype, device="cuda", **options)


def compiled():
    return stc.cache.info().compiled


class OnGpu(OwnCache):
    def check(self, inputs, pattern, **options):
        """What is given as a text goes to the op as it is."""
        layout, scale = options.get("layout", BHND), options.get("scale")
        found = stc.attention(*inputs, pattern, return_lse=True, **options)
        expected = masked(*inputs, stc.Pattern(pattern), scale, layout)
        weights = [torch.randn_like(result) for result in found]
        tolerance = TOLERANCE[inputs[0].dtype]
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
                    most = max(1.0, b.nan_to_num(neginf=0).abs().max().item())
                    torch.testing.assert_close(a.double(), b.double(), rtol=tolerance, atol=tolerance * most)
        self.assertEqual(found[0].dtype, inputs[0].dtype)

    def test_patterns(self):
        for pattern in (
            stc.local(40) | stc.sinks(3),
            stc.fixed(32, 8),
            stc.strided(24),
            stc.Pattern("dense"),
            stc.fixed_by_head(32, 8),
            "fixed_by_head(32, 8)",
            stc.longnet(32, 2),
            stc.Pattern(lambda b, h, i, j: abs(i - j) <= 5),
            stc.Pattern("{ [i] -> [j] : j <= i and j < n - 7 }"),
            stc.Pattern(lambda b, h, i, j: j < i - 3),
        ):
            for positions in (96, 200, 1):
                with self.subTest(pattern=pattern, positions=positions):
                    self.check(tensors(4, positions, 64, batch=2), pattern)

    def test_random_cases(self):
        choose = random.Random(SEED)
        for _ in range(12):
            key_heads, layout = choose.choice([1, 2]), choose.choice([BHND, BNHD])
            inputs = tensors(
                key_heads * choose.choice([1, 3]),
                choose.randint(1, 700),
                choose.choice([8, 20, 32, 64, 96, 128]),
                batch=choose.randint(1, 3),
                key_heads=key_heads,
                value_size=choose.choice([8, 33, 64, 128]),
                layout=layout,
                dtype=choose.choice(list(TOLERANCE)),
            )
            pattern = stc.Pattern(choose.choice(["local(50)", "strided(70)", "fixed(64, 16)", "fixed(128, 32)", "dense"]))
            with self.subTest(shapes=[list(x.shape) for x in inputs], pattern=pattern, layout=layout):
                self.check(inputs, pattern, enable_gqa=True, layout=layout)

    def test_one_program_for_all_sizes(self):
        choose = random.Random(SEED)
        before = compiled()
        for _ in range(200):
            batch, heads, positions = choose.randint(1, 3), choose.randint(1, 9), choose.randint(1, 9000)
            q, k, v = tensors(heads, positions, 64, batch=batch)
            found = stc.attention(q, k, v, stc.local(256) | stc.sinks(4))
            some = choose.randrange(positions)
            keys = [j for j in range(some + 1) if some - j <= 256 or j < 4]
            weights = (q[:, :, some : some + 1].double() @ k[:, :, keys].double().mT / 8).softmax(-1)
            expected = (weights @ v[:, :, keys].double())[:, :, 0]
            torch.testing.assert_close(found[:, :, some].double(), expected, rtol=0.04, atol=0.04)
        self.assertLessEqual(compiled() - before, 3)

    def test_where_tensors_lie(self):
        joined = torch.randn(2, 256, 3, 4, 64, dtype=torch.bfloat16, device="cuda", requires_grad=True)
        q, k, v = (joined[:, :, k].transpose(1, 2) for k in range(3))
        pattern = stc.fixed(32, 8)
        found = stc.attention(q, k, v, pattern)
        self.assertTrue(found.transpose(1, 2).is_contiguous())
        self.assertTrue(torch.equal(found, stc.attention(q.contiguous(), k.contiguous(), v.contiguous(), pattern)))
        self.check([q, k, v], pattern)
        (grad,) = torch.autograd.grad(found.sum(), [joined])  # of one that is expanded
        (other,) = torch.autograd.grad(masked(q, k, v, pattern)[0].sum(), [joined])
        torch.testing.assert_close(grad.double(), other.double(), rtol=0.04, atol=0.04)
        odd = torch.randn(2, 4, 256, 67, dtype=torch.bfloat16, device="cuda")[..., 1:65]
        self.check([odd.clone().requires_grad_(), odd.requires_grad_(), odd.clone().requires_grad_()], pattern)

    def test_opcheck(self):
        opcheck(*tensors(4, 50, 16, key_heads=2, value_size=8), "local(4)")

    def test_compiled(self):
        inputs, pattern = tensors(4, 128, 64), stc.local(8)

        def layer(q, k, v):
            return stc.attention(q * 2, k, v, pattern).float().square().sum()

        found, expected = torch.compile(layer, fullgraph=True)(*inputs), layer(*inputs)
        torch.testing.assert_close(found, expected)
        for one, other in zip(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs)):
            torch.testing.assert_close(one, other, rtol=0.02, atol=0.02)

    def test_graph_and_stream(self):
        q, k, v = (x.detach() for x in tensors(4, 256, 64))
        expected = stc.attention(q, k, v, "local(100)")
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            found = stc.attention(q, k, v, "local(100)")
        stream.synchronize()
        self.assertTrue(torch.equal(found, expected))
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            found = stc.attention(q, k, v, "local(100)")
        q.normal_()
        graph.replay()
        self.assertTrue(torch.equal(found, stc.attention(q, k, v, "local(100)")))

    def test_from_several_threads(self):
        inputs = tensors(4, 300, 64)
        expected = torch.autograd.grad(stc.attention(*inputs, "local(90)").float().square().sum(), inputs)
        wrong = []

        def run():
            for _ in range(20):
                grads = torch.autograd.grad(stc.attention(*inputs, "local(90)").float().square().sum(), inputs)
                wrong.extend(not torch.allclose(a, b, atol=0.02) for a, b in zip(grads, expected))

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sum(wrong), 0)

    def test_the_same_bits(self):
        inputs = tensors(4, 1000, 64, batch=2)

        def run():
            output = stc.attention(*inputs, "strided(40)")
            return [output, *torch.autograd.grad(output.float().square().sum(), inputs)]

        torch.use_deterministic_algorithms(True)
        self.addCleanup(torch.use_deterministic_algorithms, False)
        first = run()
        for _ in range(5):
            for one, other in zip(run(), first):
                self.assertTrue(torch.equal(one, other))

    def test_autocast(self):
        q, k, v = tensors(2, 50, 16, dtype=torch.float32)
        with torch.autocast("cuda", torch.bfloat16):
            output = stc.attention(q, k, v, stc.local(8))
        self.assertEqual(output.dtype, torch.bfloat16)
        (grad,) = torch.autograd.grad(output.float().sum(), [v])
        self.assertEqual(grad.dtype, torch.float32)

    def test_float64(self):
        inputs = [x.detach().double().requires_grad_() for x in tensors(2, 60, 16)]
        with self.assertWarnsRegex(UserWarning, "computes torch.float64 in float32"):
            found = stc.attention(*inputs, "local(9)")
        torch.testing.assert_close(found, masked(*inputs, stc.local(9))[0], rtol=4e-3, atol=4e-3)
        self.assertEqual(torch.autograd.grad(found.sum(), inputs)[0].dtype, torch.float64)

    def test_errors(self):
        wide = tensors(2, 50, 160)
        with self.assertRaisesRegex(ValueError, "at most 128 elements on a GPU, found .1, 2, 50, 160."):
            stc.attention(*wide, "local(9)")
        q, k, v = tensors(2, 50, 64)
        with self.assertRaisesRegex(ValueError, "on one device, found cuda:0, cpu and cuda:0"):
            stc.attention(q, k.cpu(), v, "local(9)")


if __name__ == "__main__":
    unittest.main()
