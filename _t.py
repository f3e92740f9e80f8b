import numpy as np
from engine import Tensor
x=Tensor.zeros(4,5); a=np.zeros((4,5),np.float32)
x[1]=3; a[1]=3
x[:,::2]=Tensor([1,2,3]); a[:,::2]=[1,2,3]
v=x.T[2:4]; w=a.T[2:4]
v+=10; w+=10
assert (x.numpy()==a).all(), (x.numpy(),a)
x[[0,3],[1,4]]=Tensor([7.,8.]); a[[0,3],[1,4]]=[7,8]
x[x>9]=-1; a[a>9]=-1
x[1:3][x[1:3]<2] ; x[0,[1,1,2]]+=5; a[0,[1,1,2]]+=5
assert (x.numpy()==a).all(), (x.numpy(),a)
x[a==-1]=Tensor([1.,2,3,4,5,6,7,8][:int((a==-1).sum())]); a[a==-1]=[1.,2,3,4,5,6,7,8][:int((a==-1).sum())]
assert (x.numpy()==a).all(), (x.numpy(),a)
y=Tensor(np.arange(8,dtype=np.int32)); b=np.arange(8,dtype=np.int32)
y.bitcast("int8")[3:6]=-1; b.view(np.int8)[3:6]=-1
y.bitcast("int16").reshape(4,4)[:,1]=7; b.view(np.int16).reshape(4,4)[:,1]=7
y.bitcast("int64")[1:3]=5<<40; b.view(np.int64)[1:3]=5<<40
y.bitcast("float32")[5]=1.5; b.view(np.float32)[5]=1.5
assert (y.numpy()==b).all(), (y.numpy(),b)
x[:]=x[:,::-1]; a[:]=a[:,::-1].copy()
x[1:]=x[:-1]; a[1:]=a[:-1].copy()
x[0]+=1; a[0]+=1
assert (x.numpy()==a).all(), (x.numpy(),a)
print("ok")
import time
big=Tensor.zeros(1_000_000).contiguous().realize()
t=time.process_time()
for i in range(2000): big[i*3:i*3+2]=1.0
print("2000 assigns", time.process_time()-t)
t=time.process_time()
for i in range(2000): big[i*3:i*3+2]+=1.0
print("2000 +=", time.process_time()-t)
