"""Writes training_adam.pt and training_sgd.pt: a small network and its optimizer after three steps, and what three more steps make of it.
Run with PyTorch 2.13: python training.py FOLDER"""
import sys
import torch

for name in ("adam", "sgd"):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 3, bias=False), torch.nn.BatchNorm1d(3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    make = {"adam": lambda p: torch.optim.AdamW(p, lr=0.05, betas=(0.8, 0.99), weight_decay=0.1), "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True)}[name]
    optimizer = make(net.parameters())
    x, y = torch.arange(24.0).reshape(6, 4).sin(), torch.tensor([0, 1, 1, 0, 1, 0])

    def steps(n):
        for _ in range(n):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
        return loss.item()

    steps(3)
    saved = {"model": {k: v.clone() for k, v in net.state_dict().items()}, "optimizer": torch.utils._pytree.tree_map(lambda t: t.clone() if torch.is_tensor(t) else t, optimizer.state_dict())}
    saved["loss"] = steps(3)
    saved["after"] = {k: v.clone() for k, v in net.state_dict().items()}
    torch.save(saved, f"{sys.argv[1]}/training_{name}.pt")
