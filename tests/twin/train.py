"""Training as STC does it: compiler/Model/TrainStep.cpp, for a specification without dropout."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import tensors
from model import Model, attends_of, linear_in
from spec import Spec

COMPUTE = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass
class Report:
    """Of a step: the mean loss in nats, the norm of the gradient before clipping, the learning rate."""

    loss: float
    gradient_norm: float
    learning_rate: float


class Trainer:
    """A model in `dtype`, float32 or float64, with the optimizer's state. In float32 products and attention are
    rounded as the specification has it; in float64 nothing is."""

    def __init__(self, spec: Spec, dtype: torch.dtype = torch.float32, device: str = "cpu"):
        if spec.precision.compute not in COMPUTE:
            raise ValueError(f"expected to compute in {' or '.join(COMPUTE)}, found {spec.precision.compute}")
        compute = COMPUTE[spec.precision.compute] if dtype == torch.float32 else dtype
        self.spec, self.attends, self.step_number = spec, attends_of(spec, compute, device), 0
        self.model = Model(spec, linear_in(compute)).to(device, dtype)
        self.weights = dict(self.model.named_parameters())
        self.moments = {name: torch.zeros_like(weight) for name, weight in self.weights.items()}
        self.squares = {name: torch.zeros_like(weight) for name, weight in self.weights.items()}
        # STC's programs have them in float32: 1 - beta is of what beta is there.
        self.betas = [torch.tensor(beta).item() for beta in (spec.train.beta1, spec.train.beta2)]

    def losses(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Negative log-likelihoods [batch, n], in nats."""
        logits = self.model(tokens, torch.arange(tokens.shape[1], device=tokens.device), self.attends)
        return F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")

    def gradients(self, tokens: Tensor, targets: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean loss and, by name, its gradients."""
        loss = self.losses(tokens, targets).mean()
        found = torch.autograd.grad(loss, list(self.weights.values()))
        return loss, dict(zip(self.weights, found))

    def scalar(self, value: float) -> Tensor:
        """Scalars are computed in the type of the weights, as STC does."""
        return self.model.lm_head.weight.new_tensor(value)

    def learning_rate(self, t: Tensor) -> Tensor:
        train = self.spec.train
        rate = self.scalar(train.learning_rate)
        if train.warmup:
            rate = rate * (t / train.warmup).clamp(max=1)
        if train.decay == "none":
            return rate
        progress = ((t - 1 - train.warmup) / max(1, train.steps - train.warmup)).clamp(0, 1)
        return rate * (torch.cos(progress * math.pi) + 1) * 0.5

    @torch.no_grad()
    def accumulate(self, gradients: dict[str, Tensor]) -> Tensor:
        """Clips the gradients and adds them to the moments. Their norm before."""
        train, (beta1, beta2) = self.spec.train, self.betas
        self.step_number += 1
        norm = torch.sqrt(sum((gradient * gradient).sum() for gradient in gradients.values()))
        clip = (train.clip / (norm + 1e-6)).clamp(max=1)
        for name, gradient in gradients.items():
            clipped = gradient * clip
            self.moments[name].mul_(beta1).add_(clipped * (1 - beta1))
            self.squares[name].mul_(beta2).add_(clipped * clipped * (1 - beta2))
        return norm

    @torch.no_grad()
    def move(self) -> Tensor:
        """Moves the weights by the moments. The learning rate."""
        train = self.spec.train
        t = self.scalar(self.step_number)
        rate = self.learning_rate(t)
        first, second = (-1 / torch.expm1(t * math.log(beta)) if beta else 1 for beta in self.betas)
        for name, weight in self.weights.items():
            update = self.moments[name] * first / (torch.sqrt(self.squares[name] * second) + train.epsilon)
            if weight.dim() > 1:  # neither biases nor gains decay
                update += weight * train.weight_decay
            weight.sub_(update * rate)
        return rate

    def step(self, tokens: Tensor, targets: Tensor) -> Report:
        device = self.model.lm_head.weight.device
        loss, gradients = self.gradients(tokens.to(device), targets.to(device))
        return Report(loss.item(), self.accumulate(gradients).item(), self.move().item())

    def load(self, weights: Path, optimizer: Path | None = None) -> None:
        """What STC wrote: weights and, where it is given, the state of the optimizer."""
        self.model.load_state_dict(tensors.read(weights))
        if optimizer is None:
            return
        state = tensors.read(optimizer)
        for kind, moments in (("m", self.moments), ("v", self.squares)):
            for name, moment in moments.items():
                moment.copy_(state[f"adam.{kind}.{name}"])
        self.step_number = int(state["step"])

    def save(self, weights: Path) -> None:
        """Weights that `stc-run import` takes."""
        tensors.write(weights, {name: weight.detach().float().cpu() for name, weight in self.weights.items()})
